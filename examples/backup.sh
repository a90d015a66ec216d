#!/bin/sh
# Streams a tar archive of a folder into Google Drive. Nothing is written to a local disk.
#
#   DRIVEWAY=https://driveway.example TOKEN=dw_… ./backup.sh FOLDER
#
# TOKEN needs the scope `upload`. A repeated attempt of the same day never stores a second archive:
# the Idempotency-Key names the archive.
set -eu

folder=$1
name=$(basename "$folder")-$(date +%F).tar
key=backup-$(uname -n)-$name

for attempt in 1 2 3; do
  if tar -C "$(dirname "$folder")" -c "$(basename "$folder")" |
    curl -fsS -T - "$DRIVEWAY/upload/Backups/$name" \
      -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $key" -H 'Accept: text/plain'; then
    exit 0
  fi
  sleep "${RETRY_SECONDS:-10}"
done
echo "The backup of $folder failed after three attempts." >&2
exit 1
