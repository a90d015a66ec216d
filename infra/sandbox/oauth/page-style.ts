/** The style sheet of the sandbox's pages, light and dark, for viewports from 320 pixels. */
export const style = `
:root {
  color-scheme: light dark;
  --background: #fbfaf7; --surface: #fff; --text: #22252b; --muted: #5d6370; --border: #d9d6cd;
  --hover: #f3f0e8; --accent: #24564a; --on-accent: #fff; --banner: #f2c14e; --on-banner: #33270a;
  --error: #9d2b22;
}
@media (prefers-color-scheme: dark) {
  :root {
    --background: #15171b; --surface: #1d2025; --text: #e8e6e1; --muted: #a5abb8; --border: #3a3f48;
    --hover: #272b32; --accent: #8fd0bd; --on-accent: #0d231d; --banner: #4a3a10; --on-banner: #ffe09a;
    --error: #ff9d92;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column;
  background: var(--background); color: var(--text); font: 16px/1.5 system-ui, sans-serif;
}
.banner {
  margin: 0; padding: .5rem 1rem; background: var(--banner); color: var(--on-banner);
  text-align: center; text-wrap: balance; font-size: .875rem; font-weight: 600;
}
main {
  width: min(100% - 2rem, 30rem); margin: clamp(1rem, 9vh, 5rem) auto 1rem; padding: clamp(1.25rem, 5vw, 2.25rem);
  background: var(--surface); border: 1px solid var(--border); border-radius: 1rem;
}
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; font-weight: 500; text-wrap: balance; overflow-wrap: anywhere; }
h1 b { font-weight: 700; }
h2, legend { margin: 0; padding: 0; font-size: .875rem; font-weight: 600; color: var(--muted); }
small { display: block; color: var(--muted); font-size: .8125rem; overflow-wrap: anywhere; }
.lead { margin: .5rem 0 0; color: var(--muted); overflow-wrap: anywhere; }
.lead b { color: var(--text); }
.accounts { list-style: none; margin: 1.25rem 0 0; padding: 0; border-top: 1px solid var(--border); }
.accounts li { border-bottom: 1px solid var(--border); }
.accounts button, .account { display: flex; align-items: center; gap: .875rem; text-align: left; line-height: 1.35; }
.accounts button {
  width: 100%; padding: .875rem .5rem; border: 0; background: none; color: inherit; font: inherit;
  line-height: 1.35; cursor: pointer;
}
.accounts button:hover { background: var(--hover); }
.account { margin: 1.25rem 0 1.5rem; padding: .75rem; background: var(--hover); border-radius: .75rem; }
.account button {
  margin-left: auto; min-height: 2.75rem; padding: 0 .5rem; border: 0; background: none; color: var(--accent);
  font: inherit; font-size: .875rem; font-weight: 600; text-decoration: underline; cursor: pointer;
}
.avatar {
  flex: none; width: 2.5rem; height: 2.5rem; border-radius: 50%; display: grid; place-items: center;
  background: var(--accent); color: var(--on-accent); font-weight: 600;
}
.account-name { min-width: 0; }
fieldset { margin: 0 0 1.5rem; padding: 0; border: 0; min-width: 0; }
label {
  display: flex; gap: .875rem; align-items: start; margin-top: .5rem; padding: .75rem;
  border: 1px solid var(--border); border-radius: .75rem; cursor: pointer;
}
label:hover { background: var(--hover); }
label input { flex: none; width: 1.25rem; height: 1.25rem; margin: .125rem 0 0; accent-color: var(--accent); }
label span { min-width: 0; }
.list { margin: 0 0 1.25rem; }
.list ul { margin: .25rem 0 0; padding-left: 1.25rem; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.75rem 0 0; }
.actions button {
  min-height: 2.75rem; padding: .5rem 1.5rem; border: 1px solid var(--border); border-radius: 2rem;
  background: none; color: inherit; font: inherit; font-weight: 600; cursor: pointer;
}
.actions .primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.actions button:hover { filter: brightness(1.08); }
.actions .secondary:hover { background: var(--hover); filter: none; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.note { margin: 1.25rem 0 0; color: var(--muted); font-size: .875rem; overflow-wrap: anywhere; }
.error {
  margin: 1.25rem 0 0; padding: .75rem .875rem; border-left: 3px solid var(--error);
  background: var(--hover); overflow-wrap: anywhere;
}
.error b { color: var(--error); }
@media (max-width: 26rem) {
  main { margin-top: 1rem; }
  .actions { flex-direction: column; }
}
`
