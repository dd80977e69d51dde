"""The ways in which compilers, editors and people write a library file."""
import os
import subprocess
import tempfile
import time


def _fresh(folder, data, mode=0o755):
    handle, path = tempfile.mkstemp(dir=folder, prefix=".save-")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.chmod(path, mode)
    return path


def rename_over(path, data, mode=0o755):
    """A new file beside it, renamed over it: no moment without a whole file."""
    os.rename(_fresh(os.path.dirname(path), data, mode), path)


def in_place(path, data):
    """cp: the same file, cut to nothing and written again."""
    with open(path, "wb") as file:
        file.write(data)


def recreate(path, data):
    """Deleted and made again: what most linkers do."""
    if os.path.lexists(path):
        os.unlink(path)
    with open(path, "wb") as file:
        os.fchmod(file.fileno(), 0o755)
        file.write(data)


def backup_first(path, data):
    """vim's way with backupcopy=no: the old file is renamed away, a new one made, the old deleted."""
    backup = path + "~"
    if os.path.exists(path):
        os.rename(path, backup)
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if os.path.exists(backup):
        os.unlink(backup)


def hard_link(path, data):
    """Linked to its name under which nothing is: no write, no rename is seen."""
    fresh = _fresh(os.path.dirname(path), data)
    if os.path.lexists(path):
        os.unlink(path)
    os.link(fresh, path)
    os.unlink(fresh)


def in_pieces(path, data, pieces=4, pause=0.02):
    """A slow writer. The pause is part of what is tested, nothing waits for it."""
    size = max(1, -(-len(data) // pieces))
    with open(path, "wb", buffering=0) as file:
        for start in range(0, len(data), size):
            file.write(data[start:start + size])
            time.sleep(pause)


def symlink_swap(path, data):
    """`path` is a symbolic link that moves to a new file, atomically."""
    folder = os.path.dirname(path)
    target = _fresh(folder, data)
    link = target + ".link"
    os.symlink(os.path.basename(target), link)
    os.rename(link, path)


def by_vim(path, data, backupcopy="no"):
    """The real editor writes its buffer over the file."""
    fresh = _fresh(os.path.dirname(path), data)
    subprocess.run(["vim", "-es", "-N", "-u", "NONE", "-i", "NONE", "-n", "-b",
                    "--cmd", f"set backupcopy={backupcopy} writebackup nofixendofline",
                    fresh, "-c", f"write! {path.replace(' ', chr(92) + ' ')}", "-c", "quit!"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=60)
    os.unlink(fresh)


def by_emacs(path, data, precious="nil"):
    """The real editor; `precious` "t" lets it write a new file and rename it."""
    fresh = _fresh(os.path.dirname(path), data)
    script = (f'(progn (setq make-backup-files t file-precious-flag {precious})'
              f' (find-file-literally "{path}") (erase-buffer)'
              f' (insert-file-contents-literally "{fresh}")'
              f' (setq file-precious-flag {precious} require-final-newline nil)'
              f' (set-buffer-modified-p t) (save-buffer))')
    subprocess.run(["emacs", "--batch", "-Q", "--eval", script], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=120)
    os.unlink(fresh)


QUICK = (rename_over, in_place, recreate, backup_first, hard_link, in_pieces)
