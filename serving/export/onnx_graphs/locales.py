"""The locale by which a graph changes the case of letters: one that servers have.

ONNX Runtime takes en_US.UTF-8 where a StringNormalizer says none, which images of servers lack, and then refuses the
graph. glibc's C.UTF-8 is always there, and changes letters as that does. Another language's stays.
"""

from pathlib import Path

import onnx
from onnx import helper

ANYWHERE = "C.UTF-8"
ENGLISH = ("", "en_US", "en_US.UTF-8", "en_US.utf8")


def use_locale_of_servers(model: onnx.ModelProto, path: Path) -> None:
    """In place; it is said."""
    found = [node for node in model.graph.node if node.op_type == "StringNormalizer" and _is_english(node)]
    for node in found:
        others = [each for each in node.attribute if each.name != "locale"]
        del node.attribute[:]
        node.attribute.extend([*others, helper.make_attribute("locale", ANYWHERE)])
    if found:
        why = f"{path.name} changes letters' case by the locale {ANYWHERE} instead of en_US.UTF-8"
        print(f"--model: {why}, which not every server has; letters change alike", flush=True)


def _is_english(node: onnx.NodeProto) -> bool:
    said = next((each.s.decode(errors="replace") for each in node.attribute if each.name == "locale"), "")
    return said in ENGLISH
