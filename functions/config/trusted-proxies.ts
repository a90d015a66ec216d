/** Networks of the proxies whose `X-Forwarded-For` is trusted. */
import { BlockList, isIP } from 'node:net'

/** Networks by name. Google and Fastly publish them; those of Google exclude its customers' machines. */
const named: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  'link-local': ['169.254.0.0/16', 'fe80::/10'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
  google: [
    '35.190.247.0/24',
    '35.191.0.0/16',
    '64.233.160.0/19',
    '66.102.0.0/20',
    '66.249.80.0/20',
    '72.14.192.0/18',
    '74.125.0.0/16',
    '108.177.8.0/21',
    '108.177.96.0/19',
    '130.211.0.0/22',
    '172.217.0.0/19',
    '172.217.32.0/20',
    '172.217.128.0/19',
    '172.217.160.0/20',
    '172.217.192.0/19',
    '172.253.56.0/21',
    '172.253.112.0/20',
    '173.194.0.0/16',
    '209.85.128.0/17',
    '216.58.192.0/19',
    '216.239.32.0/19',
    '2001:4860:4000::/36',
    '2404:6800:4000::/36',
    '2607:f8b0:4000::/36',
    '2800:3f0:4000::/36',
    '2a00:1450:4000::/36',
    '2c0f:fb50:4000::/36',
  ],
  fastly: [
    '23.235.32.0/20',
    '43.249.72.0/22',
    '103.244.50.0/24',
    '103.245.222.0/23',
    '103.245.224.0/24',
    '104.156.80.0/20',
    '140.248.64.0/18',
    '140.248.128.0/17',
    '146.75.0.0/17',
    '151.101.0.0/16',
    '157.52.64.0/18',
    '167.82.0.0/17',
    '167.82.128.0/20',
    '167.82.160.0/20',
    '167.82.224.0/20',
    '172.111.64.0/18',
    '185.31.16.0/22',
    '199.27.72.0/21',
    '199.232.0.0/16',
    '2a04:4e40::/32',
    '2a04:4e42::/32',
  ],
}

/** Cloud Run connects from a link-local address; Firebase Hosting from Google's and Fastly's. */
export const deployedProxies = 'link-local google fastly'

/**
 * Parses names of networks, addresses and CIDR blocks.
 *
 * @param problems receives a text for each entry that is none
 */
export function parseTrustedProxies(
  name: string,
  entries: readonly string[],
  problems: string[],
): BlockList {
  const networks = new BlockList()
  for (const network of entries.flatMap((entry) => named[entry] ?? entry)) {
    const [address = '', bits, ...more] = network.split('/')
    const family = isIP(address)
    const maxBits = family === 6 ? 128 : 32
    const prefix = bits === undefined ? maxBits : Number(bits)
    const isPrefix = bits === undefined || /^\d{1,3}$/.test(bits)
    if (family === 0 || !isPrefix || prefix > maxBits || more.length > 0) {
      problems.push(
        `${name} must list networks such as 203.0.113.0/24, ${Object.keys(named).join(', ')}, or none`,
      )
    } else networks.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
  }
  return networks
}
