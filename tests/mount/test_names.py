# SPDX-License-Identifier: Apache-2.0
"""Any name that git can hold is a name in the mount, and leads to its own bytes."""

import base64
import os
import unicodedata

import pytest
from harness import Mount

NAMES = {
    "spaces": " leading, inner and trailing ",
    "hash": "a#b.txt",
    "percent": "100%.txt",
    "percent-escape": "a%2Fb%20c%00",
    "question": "what?.txt",
    "plus-and-ampersand": "a+b&c=d;e.txt",
    "quotes": "it's \"quoted\" `here`",
    "backslash": "back\\slash",
    "brackets": "[a]{b}<c>(d)|e^f",
    "comma-colon": "a,b:c@d!e$f*g~h",
    "dash": "-rf",
    "two-dots-and-a-letter": "..a",
    "three-dots": "...",
    "dots-in-front": ".hidden",
    "accents-composed": unicodedata.normalize("NFC", "é-ü-ñ.txt"),
    "accents-decomposed": unicodedata.normalize("NFD", "é-ü-ñ.txt"),
    "chinese": "模型权重.txt",
    "emoji": "🤗 weights.txt",
    "right-to-left": "שלום.txt",
    "control-character": "bell\x07.txt",
    "255-bytes": "n" * 251 + ".txt",
    "255-bytes-of-unicode": "模" * 85,
    "case-one": "Readme.TXT",
    "case-two": "readme.txt",
}
DEEP = "/".join(f"level-{number:02d}-{'x' * 40}" for number in range(60)) + "/bottom.txt"


def content(name):
    return f"I am {name!r}\n"


@pytest.fixture(scope="module")
def odd(_hub_process):
    """acme/odd: each name at the root and again as a folder; its head."""
    _hub_process.repo("acme/odd")
    ops = [{"add": name, "text": content(name)} for name in NAMES.values()]
    ops += [{"add": f"folders/{name}/inside.txt", "text": content(name)} for name in NAMES.values()]
    return _hub_process.commit("acme/odd", [*ops, {"add": DEEP, "text": content(DEEP)}])


@pytest.fixture(scope="module")
def shared_mount(_hub_process, odd):
    """One mount of acme/odd for the whole file: these tests only look."""
    made = Mount(f"acme/odd@{odd}", _hub_process).start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def odd_xet(_hub_process, tmp_path_factory):
    """acme/odd-xet: Xet files with odd names, by the official client; {name: bytes}."""
    folder = tmp_path_factory.mktemp("odd")
    files = {f"{name}.bin": os.urandom(20_000) for name in ("a#b", "100%25", "what? now", "🤗 é", "a+b&c", "..a")}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    _hub_process.upload(folder, "acme/odd-xet")
    return files


@pytest.mark.quick
@pytest.mark.parametrize("kind", NAMES)
def test_an_odd_name_is_found_and_read_before_its_folder_is_listed(shared_mount, odd, kind):
    name = NAMES[kind]
    assert (shared_mount / name).read_text() == content(name)
    assert (shared_mount / "folders" / name / "inside.txt").read_text() == content(name)


@pytest.mark.quick
def test_odd_names_are_listed_as_they_are(shared_mount, odd):
    assert set(os.listdir(shared_mount.path)) >= set(NAMES.values())
    assert set(os.listdir(shared_mount / "folders")) == set(NAMES.values())


def test_xet_files_with_odd_names_read_right(mount, odd_xet):
    made = mount("acme/odd-xet")
    for name, data in odd_xet.items():
        assert (made / name).read_bytes() == data, name


def test_lfs_files_outside_xet_with_odd_names_read_right(mount, hub, tmp_path):
    files = {f"{name}.bin": os.urandom(70_000) for name in ("a#b", "100%25", "what? now", "🤗 é", "a+b&c", "..a")}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    hub.import_folder(tmp_path, "acme/odd-lfs", "--lfs-basic", "*.bin")
    made = mount("acme/odd-lfs")
    for name, data in files.items():
        assert (made / name).read_bytes() == data, name


@pytest.mark.quick
def test_a_deep_path_is_walked_and_read(shared_mount, odd):
    assert (shared_mount / DEEP).read_text() == content(DEEP)


def test_composed_and_decomposed_accents_are_two_files(shared_mount, odd):
    names = NAMES["accents-composed"], NAMES["accents-decomposed"]
    assert names[0] != names[1]
    inodes = {(shared_mount / name).stat().st_ino for name in names}
    assert len(inodes) == 2


def test_names_that_differ_in_case_are_two_files(shared_mount, odd):
    assert (shared_mount / "Readme.TXT").read_text() != (shared_mount / "readme.txt").read_text()
    assert not (shared_mount / "README.TXT").exists()


def test_a_name_of_256_bytes_is_too_long(shared_mount, odd):
    with pytest.raises(OSError) as error:
        (shared_mount / ("n" * 256)).stat()
    assert error.value.errno == 36  # ENAMETOOLONG


def test_binary_contents_survive_whatever_their_name(hub, mount, odd):
    data = bytes(range(256)) * 20
    name = "\x01 odd \x7f"
    hub.commit("acme/odd", [{"add": name, "content_b64": base64.b64encode(data).decode()}], ref="refs/pr/9")
    assert (mount("acme/odd@refs/pr/9") / name).read_bytes() == data
