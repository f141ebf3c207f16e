"""Pictures among other files."""

from torchferry.contract.image_formats import FORMATS, HEAD, SUFFIXES, is_picture
from torchferry.training.data.files.file_kind import FileKind

PICTURES = FileKind("picture", SUFFIXES, FORMATS, HEAD, is_picture, "image_list")
