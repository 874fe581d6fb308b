# as_user UID COMMAND...: for whatever is done in a folder that a container writes to. A link that it
# has put there then leads to nothing that it could not open itself.
as_user() (
  cd / && exec setpriv --reuid="$1" --regid="$1" --clear-groups "${@:2}"
)

# owner_of PATH [BUNDLE]: whose that folder of the manifest is; nothing where it has none.
owner_of() {
  awk -v path="$1" '$1 == "directory" && $3 == path { print $4 }' "${2-$DIR}/manifest"
}

# Never by `install -o`, which refuses a number without a name on some systems (uutils 0.8).
make_directories() {
  local where path uid mode folder
  manifest directory >"$LIB/directories"
  while read -r where path uid mode; do
    case $where in
      data) folder=$DATA_MOUNT/$path ;;
      efs) folder=$EFS_ROOT/$path ;;
    esac
    if [[ -L $folder ]]; then
      fail "$folder is a symbolic link, which would give a container access to its target. Remove it: sudo rm $folder"
    fi
    # Below an access point everybody is the point's own user.
    if [[ $where == efs || $path == */* ]]; then
      as_user "$uid" mkdir -p -m "$mode" "$folder"
    else
      own_directory "$folder" "$uid" "$mode"
    fi
  done <"$LIB/directories"
}

# own_directory PATH UID MODE: in a folder of root's. What Ollama has changes hands as a whole, later.
own_directory() {
  if [[ $1 == "$DATA_MOUNT"/ollama* && -d $1 ]]; then
    return 0
  fi
  mkdir -p "$1"
  chown "$2:$2" "$1"
  chmod "$3" "$1"
}
