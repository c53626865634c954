# SPDX-License-Identifier: Apache-2.0
"""doc_parity.py sees what has drifted: each reader notices when a word goes missing."""

import pytest

from lint import doc_parity

READERS = {
    doc_parity.MAN: (doc_parity.man_page, [".It Cm prefetch", "umask Ns =", "Fl -json"]),
    doc_parity.BASH: (doc_parity.bash_completion, [" prefetch ", "umask=", "--json"]),
    doc_parity.ZSH: (doc_parity.zsh_completion, ["'prefetch:", "'umask[", "--json"]),
    doc_parity.FISH: (doc_parity.fish_completion, ["-a prefetch", "umask=", "-l json"]),
}


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize("part", range(3))
def test_a_word_that_is_taken_out_is_missed(path, part):
    reader, words = READERS[path]
    text = (doc_parity.ROOT / path).read_text()
    before = reader(text)
    after = reader(text.replace(words[part], words[part].replace("e", "").replace("u", "").replace("o", "")))
    assert before[part] - after[part]


def test_differences_are_told_in_both_directions():
    assert list(doc_parity.compare("f", "verb", {"a", "b"}, {"b", "c"})) == [
        "f:1: verb a is missing",
        "f:1: verb c is told, but hugfs does not know it",
    ]
