# Bundles that neither run nor wait, and the images that only they name, which would fill the disk.
# What was fetched last has come up when this is asked for.
bundle_tidy() {
  local other image caddy
  for other in "$BUNDLES"/*; do
    if [[ $other == "$DIR" || ! -f $other/manifest ]]; then
      continue
    fi
    sed -n 's/^image //p' "$other/manifest" | while IFS= read -r image; do
      grep -qxF "image $image" "$DIR/manifest" || docker image rm "$image" >/dev/null 2>&1 || true
    done
    rm -rf "$other"
  done
  caddy=$(caddy_dir)
  for other in "$LIB/caddy"/*; do
    if [[ $other != "$caddy" ]]; then
      rm -rf "$other"
    fi
  done
  tidy_secrets
}
