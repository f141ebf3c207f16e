"""Sounds among other files."""

from torchferry.contract.audio import FORMATS, HEAD, SUFFIXES, is_sound
from torchferry.training.data.files.file_kind import FileKind

SOUNDS = FileKind("sound", SUFFIXES, FORMATS, HEAD, is_sound, "audio_list")
