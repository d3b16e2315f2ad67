"""What lies in folders, to be compared with what lay there before."""

import os


def everything(folder, but=()):
    """Return what lies in a folder, without some folders and what is in them.

    Each path with its inode, its mode, and the content of a file or the target of a link. Links are
    not followed.
    """
    left_out = {os.fspath(path) for path in but}
    found = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if os.path.join(place, name) not in left_out]
        for name in (*folders, *files):
            path = os.path.join(place, name)
            status = os.lstat(path)
            content = os.readlink(path) if os.path.islink(path) else b""
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    content = file.read()
            found[path] = (status.st_ino, status.st_mode, content)
    return found
