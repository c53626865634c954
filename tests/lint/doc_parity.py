# SPDX-License-Identifier: Apache-2.0
#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What hugfs can do is told in five places; they have to name the same verbs and options.

usage: doc_parity.py [PATH OF hugfs]

The built binary is the truth: --help and VERB --help for verbs and flags, and its answer to
each -o option, because help that names an option which is refused is no help. Compared with
it: the man page and the completions of bash, zsh and fish. Prints file:line: what is missing.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAN = "packaging/man/hugfs.1"
BASH = "packaging/completions/hugfs.bash"
ZSH = "packaging/completions/_hugfs"
FISH = "packaging/completions/hugfs.fish"
# A value that each option takes, by the hint that --help shows.
SAMPLES = {"REV": "main", "PATH": "a", "TIME|never": "never", "TIME": "5s", "DIR": "/c", "SIZE": "1G",
           "URL": "https://example.org", "FILE": "/f", "N": "5", "OCTAL": "022", "MODULES": "all",
           "auto|manual|close": "close", "auto|off|whole": "off", "NAME": "b"}
BESIDE = {"pr": "rw,", "branch": "rw,"}  # what an option wants beside it


class Program:
    """What the binary says about itself."""

    def __init__(self, path):
        self.path = path
        self.verbs = self._section(self._run("--help"), r"^Verbs.*")
        self.flags = {verb: self._flags(verb) for verb in self.verbs}
        self.global_flags = self._dashes(self._rows(self._run("--help"), r"^Options$"))
        self.options = dict(self._mount_options(self._run("mount", "--help")))

    def _run(self, *words):
        return subprocess.run([self.path, *words], capture_output=True, text=True, check=True).stdout

    @staticmethod
    def _rows(text, title):
        """The first columns of the rows below a title, up to a line that is no row."""
        rows, inside = [], False
        for line in text.splitlines():
            if re.match(title, line):
                inside = True
            elif inside and not line.startswith(" "):
                inside = False
            elif inside and re.match(r" {2}\S", line):
                rows.append(re.split(r" {2,}", line.strip())[0])
        return rows

    def _section(self, text, title):
        return [row.split()[0] for row in self._rows(text, title)]

    @staticmethod
    def _dashes(rows):
        return {word for row in rows for word in re.findall(r"(?:^|[ ,])(--?[a-zA-Z]+)", row)}

    def _flags(self, verb):
        return self._dashes(self._rows(self._run(verb, "--help"), r"^Options$"))

    def _mount_options(self, text):
        for row in self._rows(text, r".* \(-o\)$"):
            name, _, hint = row.partition("=")
            yield name, hint

    def refuses(self, option):
        """The sentence with which the option is refused, None if it is taken. mount(8)'s -f mounts nothing."""
        environment = {**os.environ, "HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"}
        options = BESIDE.get(option.partition("=")[0], "") + option
        result = subprocess.run(["mount.hugfs", "a/b", "/nonexistent/dir", "-f", "-o", options], executable=self.path,
                                capture_output=True, text=True, check=False, env=environment)
        return result.stderr.strip() if result.returncode else None


def man_page(text):
    """Verbs, mount options and flags that the man page has an entry for."""
    verbs, options, flags = set(), set(), set()
    section = ""
    for line in text.splitlines():
        if line.startswith((".Sh ", ".Ss ")):
            section = line[4:]
        elif line.startswith(".It ") and section == "VERBS":
            verbs.add(line.split()[2])
        elif line.startswith(".It ") and section == "Mount options":
            options.update(re.findall(r"Cm ([a-z_]+) Ns =", line) or re.findall(r"Cm ([a-z_]+)", line))
        elif line.startswith(".It ") and section == "OPTIONS":
            flags.update("-" + flag for flag in re.findall(r"Fl (-?[a-zA-Z]+)", line))
    return verbs, options, flags


def bash_completion(text):
    verbs = re.search(r'_hugfs_verbs="([^"]*)"', text).group(1).split()
    options = re.search(r'_hugfs_mount_options="([^"]*)"', text).group(1).replace("\\", "").split()
    flags = set(re.findall(r"(?<= |\")(--?[a-zA-Z]+)(?=[ \"])", text.split("_hugfs_flags()")[1].split("}")[0]))
    return set(verbs), {option.rstrip("=") for option in options}, flags


def bash_flags(text):
    """{verb: flags} of the case statement."""
    body = text.split("_hugfs_flags()")[1].split("esac")[0]
    found = {}
    for names, flags in re.findall(r"^\s+([a-z *|]+)\) echo \"([^\"]*)\"", body, re.MULTILINE):
        for name in names.split("|"):
            found[name.strip()] = set(flags.split())
    return found


def zsh_completion(text):
    verbs = re.search(r"verbs=\((.*?)\n\)", text, re.DOTALL).group(1)
    options = re.search(r"mount_options=\((.*?)\n\)", text, re.DOTALL).group(1)
    text = re.sub(r"(local|_arguments|_values|_files) -[as/]", "", text)  # flags of zsh's own words
    return (set(re.findall(r"'([a-z]+):", verbs)), set(re.findall(r"'([a-z_]+)\[", options)),
            set(re.findall(r"(?<![\w-])(--?[a-zA-Z]+)(?=[\[ ),}'])", text.split("mount_flags=")[1])))


def fish_completion(text):
    verbs = re.search(r"set -l verbs (.*)", text).group(1).split()
    options = re.search(r"set -l mount_options (.*)", text).group(1).split()
    described = set(re.findall(r'-n "\$first" -a ([a-z]+)', text))
    flags = {"-" + flag for flag in re.findall(r'(?:hugfs|") -s ([a-zA-Z])\b', text)}
    flags |= {"--" + flag for flag in re.findall(r" -l ([a-z]+) -d", text)}
    return set(verbs) & described, {option.rstrip("=") for option in options}, flags


def compare(path, what, expected, found):
    """A line for each difference."""
    for name in sorted(expected - found):
        yield f"{path}:1: {what} {name} is missing"
    for name in sorted(found - expected):
        yield f"{path}:1: {what} {name} is told, but hugfs does not know it"


def findings(program):
    every_flag = set().union(program.global_flags, *program.flags.values())
    readers = {MAN: man_page, BASH: bash_completion, ZSH: zsh_completion, FISH: fish_completion}
    for path, reader in readers.items():
        verbs, options, flags = reader((ROOT / path).read_text())
        yield from compare(path, "verb", set(program.verbs), verbs)
        yield from compare(path, "mount option", set(program.options), options)
        yield from compare(path, "flag", every_flag, flags)
    by_verb = bash_flags((ROOT / BASH).read_text())
    for verb in program.verbs:
        yield from compare(BASH, f"flag of {verb}", program.flags[verb], by_verb.get(verb, set()))
    for name, hint in program.options.items():
        refusal = program.refuses(name + ("=" + SAMPLES[hint] if hint else ""))
        if refusal is not None:
            yield f"fs/mount_option.def:1: --help tells of {name}, but: {refusal}"


def find_binary():
    """The newest one that was built."""
    built = [*ROOT.glob("build/*/fs/hugfs")]
    if "HUGFS_BUILD" in os.environ:
        built = [Path(os.environ["HUGFS_BUILD"]) / "fs/hugfs"]
    return max(built, key=lambda path: path.stat().st_mtime, default=None)


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else find_binary()
    if binary is None:
        print("fs/main.c:1: hugfs is not built, so nothing can be compared with it")
        return 1
    found = list(findings(Program(str(binary))))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
