"""The instruction set of the kernels. A Model keeps the one that was active when it was made.

By default it is the best one that the machine has; the environment variable HADAMRNN_ISA selects another one. Results are
bit-identical on all of them.
"""

from __future__ import annotations

from . import _core
from .errors import IsaError

__all__ = ["active", "available", "use"]


def available() -> list[str]:
    """The names of the instruction sets that this machine can run, the best one last.

    Examples:
        >>> hr.isa.available()[0]
        'scalar'
    """
    return _core.isa_available()


def active() -> str:
    """The name of the instruction set that the next Model will use.

    Raises:
        IsaError: HADAMRNN_ISA names an instruction set that is unknown or that this machine cannot run.

    Examples:
        >>> hr.isa.active() in hr.isa.available()
        True
    """
    try:
        return _core.isa_active()
    except ValueError as error:
        raise IsaError(str(error)) from None


def use(name: str) -> None:
    """Use this instruction set for all models that are made from now on.

    Raises:
        IsaError: the instruction set is unknown, or this machine cannot run it.

    Examples:
        >>> hr.isa.use("scalar")
        >>> hr.load("har6").isa
        'scalar'
        >>> hr.isa.use(hr.isa.available()[-1])  # the best one again
    """
    if name not in available():
        raise IsaError(
            f"instruction set {name!a} is unknown or not supported here; expected one of "
            f"{', '.join(available())}"
        )
    _core.isa_use(name)
