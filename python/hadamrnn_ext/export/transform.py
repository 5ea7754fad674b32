"""The Hadamard transform as C, in the order of additions that hadamard.golden_transform defines."""

from __future__ import annotations

from .. import hadamard
from ..file.codes import pack_signs
from .text import array, bit

__all__ = ["function", "transform"]


def function(block_size: int, kind: str) -> str:
    """The name of the function that ``transform`` writes."""
    return f"transform_{block_size}_{kind.removesuffix('_t')}"


def transform(block_size: int, kind: str) -> str:
    """A C function of (z, n): (I_q (x) H_m) z in place, n units of type ``kind``; any order m."""
    r, log2 = hadamard.factor(block_size)
    name = function(block_size, kind)
    signs = pack_signs(hadamard.core_matrix(r).reshape(-1))
    core = "" if r == 1 else array("uint8_t", f"{name}_core", signs)
    stages = f"""    place i, j, h;
    for (h = {r}u; h < {block_size}u; h *= 2u) {{
        for (i = 0; i < n; i += 2u * h) {{
            for (j = i; j < i + h; ++j) {{
                const {kind} a = z[j], b = z[j + h];
                z[j] = ({kind})(a + b);
                z[j + h] = ({kind})(a - b);
            }}
        }}
    }}
"""
    if log2 == 0:
        stages = "    place i, j, h;\n"
    base = f"""    for (i = 0; i < n; i += {r}u) {{
        {kind} sum[{r}];
        for (j = 0; j < {r}u; ++j) {{
            const place first = j * {r}u;
            sum[j] = {bit(f"{name}_core", "first")} ? ({kind})(-z[i]) : z[i];
            for (h = 1; h < {r}u; ++h) {{
                const place entry = first + h;
                if ({bit(f"{name}_core", "entry")}) {{
                    sum[j] = ({kind})(sum[j] - z[i + h]);
                }} else {{
                    sum[j] = ({kind})(sum[j] + z[i + h]);
                }}
            }}
        }}
        for (j = 0; j < {r}u; ++j) z[i + j] = sum[j];
    }}
"""
    body = stages + ("" if r == 1 else base)
    if block_size == 1:
        body = "    (void)z;\n    (void)n;\n"
    return f"""{core}
/* Products with a Hadamard matrix of order {block_size} ({hadamard.construction(block_size)}), in place. */
static void {name}({kind} *z, place n) {{
{body}}}
"""
