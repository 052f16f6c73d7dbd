"""``bvae-rl``: one subcommand a file. Errors a person can act on are one line and exit code 2."""

from __future__ import annotations

import atexit
import logging
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

import bvae_rl
from bvae_rl.runtime.optional import require
from bvae_rl.scripts.commands import COMMANDS, load

USER_ERRORS = (ValueError, TypeError, OSError, ImportError)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse ``argv`` (default: the command line), run the command, return the exit code.

    Only the module of the chosen command is imported.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    if arguments == ["--version"]:
        print(f"bvae-rl {bvae_rl.__version__}")
        return 0
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print(overview())
        return 0
    if name not in COMMANDS:
        close = get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(COMMANDS)}"
        print(f"bvae-rl: error: unknown command {name!r}; {hint}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())  # SDL prints an error without
    os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")  # which would swallow a kill
    for talkative in ("OpenGL", "torch"):  # parts that it lacks; statistics of its caches
        logging.getLogger(talkative).setLevel(logging.WARNING)
    if not {"", os.getcwd()} & {*sys.path}:  # where a user's own modules are
        sys.path.append(os.getcwd())
    try:
        args = parse(name, arguments[1:])
        if COMMANDS[name].draws:  # said now, and not after an hour of training
            require("matplotlib", extra="plots")
        _keep_freed_memory()
        load(name).main(args)
    except KeyboardInterrupt:
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # a second one: no traceback
        again = shlex.join(["bvae-rl", *arguments])
        print(f"\ninterrupted; what is finished is kept; go on with: {again}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # of bvae-rl ... | head
        with suppress(BrokenPipeError):
            sys.stdout.close()
        return 1
    except USER_ERRORS as error:
        if debug:
            raise
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"bvae-rl: error: {message}", file=sys.stderr)
        return 2
    return 0


def overview() -> str:
    """What ``bvae-rl --help`` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.about}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: bvae-rl COMMAND [options]\n",
            (bvae_rl.__doc__ or "").partition("\n")[0],
            "\ncommands:",
            *lines,
            "\nbvae-rl COMMAND --help lists the options of a command. Further options:",
            "  --version    print the version",
            "  --debug      show the traceback of an error",
        ]
    )


def parse(name: str, arguments: Sequence[str]) -> Any:
    """The ``Args`` of the command ``name``; nested dataclasses are groups of its options."""
    import tyro

    from bvae_rl.scripts.help_texts import with_help
    from bvae_rl.scripts.optionals import registry
    from bvae_rl.scripts.typed import as_typed, together

    module = load(name)
    words = _square("--size", together(module.Args, arguments))
    with_help(module.Args)
    args = tyro.cli(
        module.Args,
        args=words,
        prog=f"bvae-rl {name}",
        description=module.__doc__,
        config=(tyro.conf.OmitArgPrefixes,),
        registry=registry(),
    )
    return as_typed(args, words)


def _square(flag: str, arguments: Sequence[str]) -> list[str]:
    """A height alone is that of a square: "--size 64" is "--size 64 64"."""
    found: list[str] = []
    for place, word in enumerate(arguments):
        before, after = arguments[place - 1 : place], arguments[place + 1 : place + 2]
        alone = before == [flag] and word.isdigit() and not (after and after[0].isdigit())
        found += [word, word] if alone else [word]
    return found


def _keep_freed_memory() -> None:
    from bvae_rl.runtime.devices import keep_freed_memory

    keep_freed_memory()


if __name__ == "__main__":
    sys.exit(main())
