# SPDX-License-Identifier: Apache-2.0
"""The model of a writable mount: a small folder in memory that knows what a crash may leave.

What the mount promises (hugfs-semantics(7)), and this model says precisely:
  - close() or fsync() returned 0: the bytes of that file, and every change of names before, are safe;
  - changes of names that nothing has confirmed survive as a prefix, in the order they were made;
  - of a file that was written since it was confirmed, each byte is that of one of its versions since,
    and its size one of their sizes, as on any local disk;
  - a new file that nobody has closed or synced yet may be missing.

`Model.names` is {path: File, or None for a folder}; parents are always there. Methods that change
names return the errno that the kernel answers with, by name, or None when they did it.
"""

import numpy


class File:
    """Contents, under any number of names and handles, and the versions that a crash may leave."""

    def __init__(self, data=b""):
        self.data = bytearray(data)
        self.versions = [bytes(data)]
        self.may_miss = False  # it is new, and was never confirmed

    def _changed(self):
        self.versions.append(bytes(self.data))

    def write(self, at, piece):
        if at > len(self.data):
            self.data.extend(bytes(at - len(self.data)))
        self.data[at : at + len(piece)] = piece
        self._changed()

    def may_also_be(self, before, at, piece):
        """What a write leaves of which only a part came."""
        partly = File(before)
        partly.write(at, piece)
        self.versions.append(partly.versions[-1])

    def resize(self, size):
        del self.data[size:]
        self.data.extend(bytes(size - len(self.data)))
        self._changed()

    def confirmed(self):
        self.versions = [bytes(self.data)]
        self.may_miss = False

    def may_be(self, data):
        """Whether a crash may leave these bytes."""
        if data in self.versions:
            return True
        if len(self.versions) == 1 or len(data) not in {len(version) for version in self.versions}:
            return False
        found = numpy.frombuffer(data, numpy.uint8)
        allowed = numpy.zeros(len(data), bool)
        for version in self.versions:
            version = numpy.frombuffer(version[: len(data)], numpy.uint8)
            allowed[: len(version)] |= found[: len(version)] == version
            allowed[len(version) :] |= found[len(version) :] == 0
        return bool(allowed.all())


class Model:
    """The folder. `log` holds its names after each change since the last that is durable, oldest first."""

    def __init__(self, files=None):
        self.names = {}
        for path, data in (files or {}).items():
            self.names |= {"/".join(path.split("/")[:n]): None for n in range(1, path.count("/") + 1)}
            self.names[path] = File(data)
        self.durable()

    # ---- looking

    def is_folder(self, path):
        return path == "" or (path in self.names and self.names[path] is None)

    @property
    def folders(self):
        return ["", *(path for path, file in self.names.items() if file is None)]

    @property
    def files(self):
        return [path for path, file in self.names.items() if file is not None]

    def below(self, path):
        return [name for name in self.names if name.startswith(path + "/")]

    def contents(self):
        """{path: bytes, or None for a folder}, as tree_of() gives them."""
        return {path: None if file is None else bytes(file.data) for path, file in self.names.items()}

    # ---- names

    def _step(self):
        self.log.append(dict(self.names))

    def durable(self):
        """Everything that was done to names up to now is safe."""
        self.log = [dict(self.names)]

    def confirm(self, file):
        """close() or fsync() of a written file returned 0."""
        file.confirmed()
        if any(other is file for other in self.names.values()):
            self.durable()

    def confirm_all(self):
        """An orderly unmount."""
        for file in self.names.values():
            if file is not None:
                file.confirmed()
        self.durable()

    def create(self, path, data=b""):
        self.names[path] = File(data)
        self.names[path].may_miss = True
        self._step()

    def mkdir(self, path):
        if path in self.names:
            return "EEXIST"
        self.names[path] = None
        self._step()
        return None

    def unlink(self, path):
        if path not in self.names:
            return "ENOENT"
        if self.names[path] is None:
            return "EISDIR"
        del self.names[path]
        self._step()
        return None

    def rmdir(self, path):
        if path not in self.names:
            return "ENOENT"
        if self.names[path] is not None:
            return "ENOTDIR"
        if self.below(path):
            return "ENOTEMPTY"
        del self.names[path]
        self._step()
        return None

    def rename_error(self, old, new, noreplace, exchange):
        """In the kernel's order."""
        if old not in self.names:
            return "ENOENT"
        if noreplace and new in self.names:
            return "EEXIST"
        if exchange and new not in self.names:
            return "ENOENT"
        if new.startswith(old + "/"):
            return "EINVAL"
        if old.startswith(new + "/"):
            return "EINVAL" if exchange else "ENOTEMPTY"
        if exchange or new not in self.names or old == new:
            return None
        if self.names[old] is None and self.names[new] is not None:
            return "ENOTDIR"
        if self.names[old] is not None and self.names[new] is None:
            return "EISDIR"
        return "ENOTEMPTY" if self.names[new] is None and self.below(new) else None

    def _taken(self, path):
        """Take a name and all below out; {rest of the path: what was there}."""
        return {name[len(path) :]: self.names.pop(name) for name in [path, *self.below(path)]}

    def _placed(self, path, taken):
        self.names |= {path + rest: file for rest, file in taken.items()}

    def rename(self, old, new, noreplace=False, exchange=False):
        error = self.rename_error(old, new, noreplace, exchange)
        if error or old == new:
            return error
        taken = self._taken(old)
        other = self._taken(new) if new in self.names else None
        self._placed(new, taken)
        if exchange:
            self._placed(old, other)
        self._step()
        return None

    # ---- crashes

    def _fits(self, names, found):
        missing = names.keys() - found.keys()
        if found.keys() - names.keys() or not all(names[path] and names[path].may_miss for path in missing):
            return False
        return all(
            (file is None and found[path] is None) or (file is not None and found[path] is not None and file.may_be(found[path]))
            for path, file in names.items()
            if path in found
        )

    def crashed(self, found):
        """Take over what a crash left, {path: bytes or None}; AssertionError when it may not be so."""
        if not any(self._fits(names, found) for names in reversed(self.log)):
            raise AssertionError(self._explained(found))
        self.names = {path: None if data is None else File(data) for path, data in found.items()}
        self.durable()

    def _explained(self, found):
        oldest, newest = self.log[0], self.log[-1]
        lines = [f"after the crash the folder is none of the {len(self.log)} states it may be in"]
        for path in sorted(found.keys() | oldest.keys() | newest.keys()):
            states = [path in oldest, path in newest, path in found]
            file = newest.get(path) or oldest.get(path)
            if len(set(states)) > 1:
                lines.append(f"  {path!r}: there when last confirmed {states[0]}, before the crash {states[1]}, now {states[2]}")
            elif file is not None and (found[path] is None or not file.may_be(found[path])):
                size = "a folder" if found[path] is None else f"{len(found[path])} bytes"
                lines.append(f"  {path!r}: {size}, but {[len(version) for version in file.versions]} were written")
        return "\n".join(lines)
