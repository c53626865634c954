# SPDX-License-Identifier: Apache-2.0
"""Each rule of the lint fires on a bad sample, at the right line, and not on a good one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lint import (rule_files, rule_headers, rule_include, rule_length, rule_tidy,  # noqa: E402
                  rule_tools, rule_words)
from lint.source import Tree, code_only  # noqa: E402

PROJECT = Path(__file__).resolve().parents[2]
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
HEADER = SPDX + "#pragma once\n"


@pytest.fixture
def sample(tmp_path):
    """Writes files into a fresh git tree and returns it."""
    subprocess.run(["git", "init", "-q", "-b", "main", tmp_path], check=True)

    def write(files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return Tree(tmp_path)
    return write


def commit(tree):
    subprocess.run(["git", "add", "-A"], cwd=tree.root, check=True)
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"],
                   cwd=tree.root, check=True)


def told(findings):
    return [f"{finding.path}:{finding.line}" for finding in findings]


# include -------------------------------------------------------------------------------------

LIBRARIES = {f"{name}/{name}.h": HEADER for name in ("base", "cache", "hub", "xet")}


@pytest.mark.parametrize("path, line", [
    ("base/a.c", '#include "hub/hub.h"'),
    ("cache/a.c", '#include "hub/hub.h"'),
    ("hub/a.c", '#include "cache/cache.h"'),
    ("hub/a.c", '#include "xet/xet.h"'),
    ("xet/a.c", '#include "fs/mount.h"'),
    ("fs/a.c", '#include "hub/secret.h"'),
    ("hub/a.c", '#include "base/err.h"'),
    ("hub/a.c", '#include "hub/missing.h"'),
    ("hub/a.c", '#include "hub.h"'),
    ("xet/a.c", "#include <fuse_lowlevel.h>"),
    ("hub/a.c", "#include <linux/fuse.h>"),
    ("xet/a.c", "#include <curl/curl.h>"),
    ("fs/a.c", "#  include <cjson/cJSON.h>"),
    ("xet/a.c", "#include <sqlite3.h>"),
    ("cache/a.c", "#include <lz4.h>"),
    ("cache/a.c", "#include <blake3.h>"),
    ("fs/a.c", "#include <zlib.h>"),
    ("hub/a.c", "#include <openssl/evp.h>"),
])
def test_an_include_against_the_arrows_is_found(sample, path, line):
    tree = sample({**LIBRARIES, "hub/secret.h": HEADER, "base/err.h": HEADER,
                   "fs/mount.h": HEADER, path: SPDX + line + "\n"})
    assert told(rule_include.check(tree)) == [f"{path}:2"]


def test_includes_along_the_arrows_are_fine(sample):
    tree = sample({
        **LIBRARIES,
        "base/err.h": HEADER + '#include "base/err.def"\n#include <openssl/evp.h>\n',
        "cache/a.c": '#include "base/base.h"\n#include <sqlite3.h>\n',
        "hub/a.c": '#include "base/base.h"\n#include "hub/hub.h"\n#include <curl/curl.h>\n',
        "xet/a.c": '#include "cache/cache.h"\n#include "hub/hub.h"\n#include <lz4.h>\n',
        "fs/a.c": '#include "xet/xet.h"\n#include <fuse_lowlevel.h>\n',
        "tests/unit/xet/test_a.c": '#include "hub/anything.h"\n#include <sqlite3.h>\n',
    })
    assert told(rule_include.check(tree)) == []


def test_a_library_without_its_public_header_is_found(sample):
    tree = sample({"hub/client.c": SPDX})
    assert told(rule_include.check(tree)) == ["hub/hub.h:1"]


# words ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("line", [
    "strcpy(a, b);",
    "fn = strcat;",
    "n = item->valueint;",
    "cJSON_GetObjectItem(json, name);",
    "system(command);",
    "s = ctime(&now);",
    "typedef struct thing thing;",
    "typedef enum { A } thing;",
    "fd = open(path, O_RDONLY);",
    "fd = openat(dir,\n name, O_RDONLY);",
    "fd = socket(AF_UNIX, SOCK_STREAM, 0);",
    "pipe(fds);",
])
def test_a_banned_word_is_found(sample, line):
    tree = sample({"hub/a.c": SPDX + line + "\n"})
    assert told(rule_words.check(tree)) == ["hub/a.c:2"]


@pytest.mark.parametrize("line", [
    "// strcpy() is banned",
    "/* gets\n atoi */",
    'log_warn("hub", "strcpy(%s)", x);',
    "snprintf(a, sizeof(a), x);",
    "attributes.ctime = now;",
    "int system = 1;",
    "fd = open(path, flags_of(x) | O_CLOEXEC);",
    "typedef enum err (*verb)(struct a *a);",
    "file_open(path, O_RDONLY);",
    "stream->open(path);",
])
def test_what_only_looks_like_a_banned_word_is_fine(sample, line):
    tree = sample({"hub/a.c": SPDX + line + "\n"})
    assert told(rule_words.check(tree)) == []


def test_code_only_keeps_lines_and_columns():
    text = 'a = "x//y"; // c\n/* d\n */ b = \'"\'; c\n'
    code = code_only(text)
    assert len(code) == len(text) and code.count("\n") == 3
    assert code.split() == ["a", "=", '"', '";', "b", "=", "'", "';", "c"]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("call", [
    "strcpy(a, b)", "sprintf(a, b)", "atoi(b)", "gmtime(t)", "system(b)", "usleep(1)"])
def test_banned_calls_do_not_compile(compiler, call):
    code = f"void f(char *a, const char *b, time_t *t) {{ {call}; }}"
    result = subprocess.run(
        [compiler, "-D_GNU_SOURCE", "-include", PROJECT / "base/banned.h", "-fsyntax-only", "-x",
         "c", "-"], input=code, capture_output=True, text=True)
    assert result.returncode != 0 and "_is_banned_see_base_banned_h" in result.stderr


# length --------------------------------------------------------------------------------------

def c_function(name, lines):
    return f"int {name}(void)\n{{\n" + "    x();\n" * (lines - 3) + "}\n"


def test_long_functions_are_told_and_too_long_ones_refused(sample):
    code = c_function("fine", 50) + "\n" + c_function("lengthy", 51) + "\n" + c_function("bad", 81)
    found = list(rule_length.check(sample({"hub/a.c": code})))
    assert [(f.is_warning, f.message.split("(")[0]) for f in found] == [
        (True, "lengthy"), (False, "bad")]
    assert told(found) == ["hub/a.c:53", "hub/a.c:105"]


def test_python_functions_have_the_same_limits(sample):
    text = "def bad():\n" + "    x = 1\n" * 80
    found = list(rule_length.check(sample({"tests/a.py": text})))
    assert [(str(f.path), f.line, f.is_warning) for f in found] == [("tests/a.py", 1, False)]


def test_long_files_are_told_and_too_long_ones_refused(sample):
    tree = sample({"a.h": "\n" * 400, "b.h": "\n" * 401, "c.py": "\n" * 601})
    assert [(f.path, f.is_warning) for f in rule_length.check(tree)] == [
        ("b.h", True), ("c.py", False)]


# files ---------------------------------------------------------------------------------------

def test_a_file_without_its_licence_line_is_found(sample):
    tree = sample({
        "hub/a.c": "int a;\n", "tests/run": "#!/bin/bash\necho\n", "CMakeLists.txt": "\n",
        "hub/b.c": SPDX, "tests/b.sh": "#!/bin/sh\n#" + SPDX, "README.md": "# x\n",
        "tests/data/foreign.c": "int a;\n"})
    assert told(rule_files.check(tree)) == ["CMakeLists.txt:1", "hub/a.c:1", "tests/run:1"]


def test_two_files_of_one_name_are_found(sample):
    tree = sample({"hub/a.c": SPDX, "xet/a.c": SPDX,
                   "hub/limits.h": HEADER, "xet/limits.h": HEADER})
    assert told(rule_files.check(tree)) == ["xet/a.c:1"]


def test_a_header_without_pragma_once_is_found(sample):
    assert told(rule_files.check(sample({"hub/a.h": SPDX}))) == ["hub/a.h:1"]


# headers -------------------------------------------------------------------------------------

def test_a_header_that_needs_another_one_first_is_found(sample):
    tree = sample({"hub/a.h": HEADER + "uint32_t a(void);\n",
                   "hub/b.h": HEADER + "#include <stdint.h>\nuint32_t b(void);\n"})
    assert told(rule_headers.check(tree)) == ["hub/a.h:3"]


# format, spelling, shell, docs ---------------------------------------------------------------

def test_code_that_clang_format_would_change_is_found_once_a_file(sample):
    tree = sample({"hub/a.c": "int a;\nint  b;\nint  c;\n", "hub/b.c": "int b;\n"})
    (tree.root / ".clang-format").write_text((PROJECT / ".clang-format").read_text())
    assert told(rule_tools.check_format(tree)) == ["hub/a.c:2"]


def test_a_misspelt_word_is_found(sample):
    wrong = "rec" + "ieve"
    tree = sample({"README.md": f"one\n{wrong} bytes\n"})
    assert told(rule_tools.check_spelling(tree)) == ["README.md:2"]


def test_a_mistake_in_a_shell_script_is_found(sample):
    tree = sample({"a.sh": "#!/bin/sh\n\nlocal x=1; echo \"$x\"\n",
                   "tests/b": "#!/usr/bin/env bash\ncd /tmp\n"})
    assert sorted(told(rule_tools.check_shell(tree))) == ["a.sh:3", "tests/b:2"]


def test_the_doc_parity_script_is_asked_when_it_is_there(sample):
    assert told(rule_tools.check_docs(sample({"README.md": ""}))) == []
    tree = sample({"tests/lint/doc_parity.py": "print('a.1:7: no --x'); raise SystemExit(1)"})
    assert told(rule_tools.check_docs(tree)) == ["a.1:7"]
    tree = sample({"tests/lint/doc_parity.py": "raise SystemExit('broken')"})
    assert "broken" in list(rule_tools.check_docs(tree))[0].message


def test_a_missing_program_is_a_finding_and_not_a_pass(sample, monkeypatch):
    tree = sample({"a.sh": "#!/bin/sh\n"})
    monkeypatch.setenv("PATH", "/nowhere")
    assert [f.message for f in rule_tools.check_shell(tree)] == ["the program is not installed"]


# tidy ----------------------------------------------------------------------------------------

BUG = "int f(const char *a);\nint f(const char *a)\n{\n    return a == a;\n}\n"


def with_build(tree, *sources):
    build = tree.root / "build/debug"
    build.mkdir(parents=True)
    (build / "compile_commands.json").write_text(json.dumps([
        {"directory": str(build), "file": str(tree.root / source),
         "command": f"gcc -std=gnu11 -c {tree.root / source}"} for source in sources]))
    (tree.root / ".clang-tidy").write_text((PROJECT / ".clang-tidy").read_text())


def test_a_bug_that_clang_tidy_knows_is_found_in_changed_files_only(sample):
    tree = sample({"hub/old.c": BUG, ".gitignore": "build/\n"})
    with_build(tree, "hub/old.c", "hub/new.c")
    commit(tree)
    commit(sample({"README.md": "x\n"}))
    tree = sample({"hub/new.c": BUG})
    assert told(rule_tidy.check(tree)) == ["hub/new.c:4"]
    assert sorted(told(rule_tidy.check(tree, everything=True))) == ["hub/new.c:4", "hub/old.c:4"]


def test_on_a_branch_everything_since_main_counts_as_changed(sample):
    tree = sample({"hub/old.c": SPDX})
    commit(tree)
    subprocess.run(["git", "checkout", "-qb", "topic"], cwd=tree.root, check=True)
    for name in ("one", "two"):
        tree = sample({f"hub/{name}.c": SPDX})
        commit(tree)
    assert rule_tidy.changed_files(tree) == ["hub/one.c", "hub/two.c"]


def test_without_a_build_tidy_says_so(sample):
    assert told(rule_tidy.check(sample({"hub/a.c": SPDX}))) == ["build:1"]


# the driver ----------------------------------------------------------------------------------

def run_copy(sample, files, *arguments):
    tree = sample(files)
    own = tree.root / "tests/lint"
    own.mkdir(parents=True, exist_ok=True)
    for source in Path(__file__).parent.iterdir():
        if source.suffix == ".py" and source.name != "doc_parity.py" or source.name == "run":
            (own / source.name).write_bytes(source.read_bytes())
    return subprocess.run([sys.executable, own / "run", *arguments], capture_output=True, text=True)


def test_the_driver_prints_place_and_rule_and_fails(sample):
    result = run_copy(sample, {"hub/a.c": "int a;\n"}, "files")
    assert result.returncode == 1
    assert "hub/a.c:1: [files] the first line must have" in result.stdout


def test_warnings_alone_do_not_fail(sample):
    result = run_copy(sample, {"a.h": HEADER + "\n" * 420}, "length")
    assert result.returncode == 0
    assert "a.h:422: warning: [length]" in result.stdout


def test_an_unknown_rule_is_wrong_usage(sample):
    result = run_copy(sample, {}, "no-such-rule")
    assert result.returncode == 2 and "rules: files include" in result.stderr
