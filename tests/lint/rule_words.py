# SPDX-License-Identifier: Apache-2.0
"""words: functions and fields that have a safe substitute.

base/banned.h makes most of them compile errors; here they are found in code that no build
compiles too, together with those a macro can't catch.
"""

import re

from lint.source import Finding, LIBRARIES, code_only, folder_of

RULE = "words"

BANNED = {
    "strcpy": "memcpy() or snprintf()",
    "stpcpy": "memcpy() or snprintf()",
    "strcat": "buffer_append_text()",
    "strncpy": "memcpy() or snprintf()",
    "strncat": "buffer_append_text()",
    "sprintf": "snprintf() or buffer_printf()",
    "vsprintf": "vsnprintf()",
    "gets": "a bounded read",
    "strtok": "strcspn() or a cursor",
    "atoi": "strtol() with its checks",
    "atol": "strtol() with its checks",
    "atoll": "strtoll() with its checks",
    "gmtime": "gmtime_r()",
    "localtime": "localtime_r()",
    "asctime": "strftime()",
    "mktemp": "mkostemp()",
    "tmpnam": "mkostemp()",
    "popen": "posix_spawn()",
    "alloca": "a bounded array or malloc()",
    "usleep": "a condition with a deadline",
    "cJSON_GetObjectItem": "hub/json_reader (it ignores letter case)",
    "valueint": "hub/json_reader (it is 32 bits wide)",
    "SHA1_Init": "base/sha",
    "SHA256_Init": "base/sha",
}
# Also ordinary words, so only calls count; product code only.
BANNED_CALLS = {"system": "posix_spawn()", "ctime": "strftime()"}
PRODUCT_CALLS = {
    "pipe": "pipe2() with O_CLOEXEC",
    "accept": "accept4() with SOCK_CLOEXEC",
    "epoll_create": "epoll_create1() with EPOLL_CLOEXEC",
    "mkstemp": "mkostemp() with O_CLOEXEC",
}
# A descriptor that a child inherits keeps files and mounts busy.
NEEDS_FLAG = {
    "open": "O_CLOEXEC",
    "openat": "O_CLOEXEC",
    "socket": "SOCK_CLOEXEC",
    "socketpair": "SOCK_CLOEXEC",
    "eventfd": "EFD_CLOEXEC",
    "epoll_create1": "EPOLL_CLOEXEC",
    "timerfd_create": "TFD_CLOEXEC",
    "signalfd": "SFD_CLOEXEC",
    "pipe2": "O_CLOEXEC",
    "accept4": "SOCK_CLOEXEC",
    "mkostemp": "O_CLOEXEC",
}

_IDENTIFIER = re.compile(r"\b(" + "|".join(BANNED) + r")\b")
_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED_CALLS) + r")\s*\(")
_PRODUCT_CALL = re.compile(r"(?<![\w.>])(" + "|".join(PRODUCT_CALLS) + r")\s*\(")
_FLAG_CALL = re.compile(r"(?<![\w.>])(" + "|".join(NEEDS_FLAG) + r")\s*\(")
_STRUCT_TYPEDEF = re.compile(r"\btypedef\s+(struct|union|enum)\b[^;(]*[;{]")


def _arguments(code, start):
    """The text of a call's arguments; `start` is behind its opening parenthesis."""
    depth = 1
    for end in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[end], 0)
        if depth == 0:
            return code[start:end]
    return code[start:]


def _problems(code, is_product):
    for match in _IDENTIFIER.finditer(code):
        name = match.group(1)
        yield match.start(), f"{name} is banned: use {BANNED[name]}"
    for match in _CALL.finditer(code):
        name = match.group(1)
        yield match.start(), f"{name}() is banned: use {BANNED_CALLS[name]}"
    for match in _STRUCT_TYPEDEF.finditer(code):
        yield match.start(), f"no typedef of a {match.group(1)}: write the word"
    if not is_product:
        return
    for match in _PRODUCT_CALL.finditer(code):
        name = match.group(1)
        yield match.start(), f"{name}() is banned: use {PRODUCT_CALLS[name]}"
    for match in _FLAG_CALL.finditer(code):
        name = match.group(1)
        if NEEDS_FLAG[name] not in _arguments(code, match.end()):
            yield match.start(), f"{name}() without {NEEDS_FLAG[name]}"


def check(tree):
    for path in tree.with_suffix(".c", ".h", ".def"):
        if path == "base/banned.h":
            continue
        code = code_only(tree.text(path))
        for position, message in _problems(code, folder_of(path) in LIBRARIES):
            yield Finding(path, code.count("\n", 0, position) + 1, RULE, message)
