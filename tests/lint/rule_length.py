# SPDX-License-Identifier: Apache-2.0
"""length: a file is one concept, a function is one screen."""

import ast

from lint.source import Finding, code_only

RULE = "length"

FILE_LINES = (400, 600)  # more than the first is told, more than the second refused
FUNCTION_LINES = (50, 80)


def _over(count, limits):
    """None, or the limit that is exceeded and whether that is only a warning."""
    wanted, hard = limits
    if count > hard:
        return hard, False
    if count > wanted:
        return wanted, True
    return None


def c_functions(code):
    """(line, name, number of lines) of each function; relies on the format: braces of a
    function, and only those, stand alone in the first column."""
    lines = code.splitlines()
    start = None
    for index, line in enumerate(lines):
        if line.rstrip() == "{":
            start = index
        elif line.rstrip() == "}" and start is not None:
            head = start
            while head > 0 and lines[head - 1].strip() and lines[head - 1][0] != "}":
                head -= 1
            name = " ".join(lines[head:start]).split("(")[0].split()
            yield start + 1, name[-1] if name else "?", index - head + 1
            start = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.name, node.end_lineno - node.lineno + 1


def check(tree):
    for path in tree.with_suffix(".c", ".h", ".py"):
        text = tree.text(path)
        count = text.count("\n")
        over = _over(count, FILE_LINES)
        if over:
            yield Finding(path, count, RULE,
                          f"the file has {count} lines, more than {over[0]}", over[1])
        functions = python_functions(text) if path.endswith(".py") else c_functions(
            code_only(text))
        for line, name, length in functions:
            over = _over(length, FUNCTION_LINES)
            if over:
                yield Finding(path, line, RULE,
                              f"{name}() has {length} lines, more than {over[0]}", over[1])
