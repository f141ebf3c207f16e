"""`python -m <package> <verb> ...`: find the verb's module, run it, and turn what goes wrong into an exit code."""

import errno
import importlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from serving.errors import GateError, ServerFault, UserError

OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def run(package: str, verbs: Mapping[str, tuple[str, str]], arguments: Sequence[str]) -> int:
    """The exit code of `arguments`. `verbs` maps each verb to its module, imported only now, and its purpose; a
    function that is not called main stands behind the module, as in `package.module:function`."""
    # As Ctrl-C: what is half done is cleaned up on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if not arguments or arguments[0] in ("-h", "--help"):
            print(f"usage: python -m {package} <verb> ... (--help after a verb says more)\n")
            print("\n".join(f"  {verb:9} {purpose}" for verb, (_, purpose) in verbs.items()), flush=True)
            return 0 if arguments else 2
        verb, *rest = arguments
        if verb not in verbs:
            raise UserError(f"there is no verb '{verb}'; choose one of {', '.join(verbs)}")
        module, _, function = verbs[verb][0].partition(":")
        getattr(importlib.import_module(module), function or "main")(rest)
        sys.stdout.flush()
    except (UserError, GateError, ServerFault) as error:
        print(f"{package}: {error}", file=sys.stderr)
        return {GateError: 3, ServerFault: 1}.get(type(error), 2)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output has gone; so that flushing at the end does not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        file = error.filename2 or error.filename
        if error.errno not in OF_THE_DISK and not (isinstance(error, PermissionError) and file):
            raise
        print(f"{package}: {file or 'the disk'}: {error.strerror}", file=sys.stderr)
        return 1
    return 0
