"""One line for what a runtime or an exporter says of a graph that it does not take: the operator, where it is about
one, and no places in its own code or on this machine, which are of use to nobody."""

import re
from pathlib import Path

SHOWN = 300  # characters
KNOWN = {
    r"implementation for (\w+)\(\d+\) node": "ONNX Runtime has no {} for its numbers",
    r"([\w.]+:\w+)\(-?\d+\) is not a registered function/op": "ONNX Runtime has no {}",
    r"No Op registered for (\w+) with domain_version of (\d+)": "ONNX Runtime has no {} of opset {}",
    r"Unsupported model IR version: (\d+), max supported IR version: (\d+)":
        "it is in version {} of ONNX's file format, and ONNX Runtime reads those up to {}",
    r"Opset (\d+) is under development .* support for domain ([\w.]+) is till opset (\d+)":
        "it is in opset {} of {}, and ONNX Runtime computes those up to {}",
    r"Optype \((\w+)\) bound to different types \(tensor\((\w+)\) and tensor\((\w+)\)":
        "ONNX Runtime has no {} of {} and {} together",
    r"Type 'tensor\((\w+)\)' of input parameter .* of operator \((\w+)\)": "ONNX Runtime has no {1} of {0}",
    r"No conversion rule found for operations: ([\w.]+)": "OpenVINO has no {}",
    r"Model wasn't fully converted.*? -- (\w+)-\d+ with a message": "OpenVINO does not take its {}",
    r"No ONNX function found for <OpOverload\(op='([\w.]+)'": "ONNX has nothing for torch's {}",
    r"Protobuf parsing failed": "it is no ONNX file, or was cut short",
}  # fmt: skip
"""Patterns of what is said, and what it means."""
PLACES = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from .*? failed: ?|"  # in front of every reason of ONNX Runtime's
    r"\S*onnxruntime_src\S*:\d+ .*?\) (?=[A-Z])|"
    r"Exception from \S+:\d+: |Check '.*?' failed at \S+:\d+: "  # of OpenVINO's
)
PATH = re.compile(r"(?<!\w)/([\w.-]+)/[^\s'\",;:()]+")


def in_our_words(said: BaseException | str) -> str:
    text = " ".join(str(said).split())
    for pattern, words in KNOWN.items():
        if found := re.search(pattern, text):
            return words.format(*found.groups())
    bare = PLACES.sub("", text)
    kind = f"{type(said).__name__}: " if isinstance(said, BaseException) and bare == text else ""
    bare = PATH.sub(_without, bare)
    return kind + bare[:SHOWN].strip() + ("..." if len(bare) > SHOWN else "")


def _without(found: re.Match) -> str:
    """A path of this machine is cut to its name; what else has slashes, such as a node's name, stays."""
    path = Path(found[0])
    return path.name if path.parents[-2].is_dir() else found[0]
