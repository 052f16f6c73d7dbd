"""``bvae-rl``: one subcommand a file. Errors a person can act on are one line and exit code 2."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Union

import tyro

import bvae_rl
from bvae_rl.scripts import (
    adapt,
    collect,
    compare,
    demo,
    evaluate,
    evidence,
    import_dataset,
    objectives,
    pretrain,
    show,
    sweep_beta,
    sweep_latents,
    train,
    transfer,
    visualize,
)
from bvae_rl.scripts.bench import command as bench

COMMANDS: dict[str, Any] = {
    "demo": demo,
    "collect": collect,
    "show": show,
    "import": import_dataset,
    "objectives": objectives,
    "pretrain": pretrain,
    "sweep-beta": sweep_beta,
    "sweep-latents": sweep_latents,
    "evaluate": evaluate,
    "visualize": visualize,
    "train": train,
    "compare": compare,
    "transfer": transfer,
    "adapt": adapt,
    "evidence": evidence,
    "bench": bench,
}
USER_ERRORS = (ValueError, TypeError, OSError, ImportError)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse ``argv`` (default: the command line), run the command, return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    if arguments == ["--version"]:
        print(f"bvae-rl {bvae_rl.__version__}")
        return 0
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    logging.getLogger("OpenGL").setLevel(logging.WARNING)  # it tells which parts it lacks
    args = tyro.cli(
        _union(),
        args=arguments,
        prog="bvae-rl",
        description=f"{bvae_rl.__doc__}\n\nAdd --debug to see the traceback of an error.",
        config=(tyro.conf.OmitArgPrefixes,),
    )
    # not isinstance: what sweeps take is what pretrain takes and more
    command = next(module for module in COMMANDS.values() if type(args) is module.Args)
    try:
        command.main(args)
    except KeyboardInterrupt:
        again = shlex.join(["bvae-rl", *arguments])
        print(f"\ninterrupted; what is finished is kept; go on with: {again}", file=sys.stderr)
        return 130
    except USER_ERRORS as error:
        if debug:
            raise
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"bvae-rl: error: {message}", file=sys.stderr)
        return 2
    return 0


def _union() -> Any:
    """The type that tyro parses: one member a command, described by its module's docstring."""
    members = []
    for name, module in COMMANDS.items():
        about = tyro.conf.subcommand(name, description=module.__doc__)
        members.append(Annotated[module.Args, about])
    return Union[tuple(members)]  # noqa: UP007  built at run time


if __name__ == "__main__":
    sys.exit(main())
