"""Text that a file in XML can hold."""

import re

# Control characters, halves of a pair, and the two that are no characters at all.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """Without the characters that XML cannot hold; tabs and line breaks stay."""
    return _NOT_IN_XML.sub("", text)
