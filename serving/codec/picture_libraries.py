"""Silences picture libraries, which write about a client's files: the answer says what is wrong with one."""

import ctypes
import warnings
from contextlib import suppress


def silence() -> None:
    """For this process: Pillow's warnings, and what libtiff says on stderr by itself."""
    from PIL import _imaging

    warnings.filterwarnings("ignore", module=r"PIL\.")
    library = ctypes.CDLL(_imaging.__file__)  # which knows the functions of what it is linked with
    for handler in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        with suppress(AttributeError):  # a Pillow without libtiff
            getattr(library, handler)(None)
