"""Strings that some YAML reader, shell, terminal or person takes for something else."""

from __future__ import annotations

LOOKALIKES = r"""
yes Yes no NO on off y N true False null ~ Null nan .nan .inf -.Inf inf -inf 1e3 1E3 1.5e+3 0x1f 0o14 014
0b11 12:30 12:30:45 190:20:30 1_000 -0 +1 .5 5. 1. -1.5 2024-01-01 2024-01-01T00:00:00Z = << - -- --- ... ?
: * & ! % @ ` # | > ' " [ ] { } , -a --a a: :a a:b #a a# a,b [a] {a} !a &a *a @a `a %a 'a' "a" a' .. . .git
/ // 500m 1Gi 0.5 1.5Gi 10% 0% 1e3Mi 0x1Gi 1E 12E 1h 0s 0m 007s 10.0.0.1 1.27.3 v1 nginx:1.27 --y -n -e3
-0x1 --- 0 00 1 -1 e3 E5 =a <<a $a $(A) \ \n a\b
"""
TEXTS = [
    "",
    " ",
    " a",
    "a ",
    "a b",
    "a  b",
    "a # b",
    "a: b",
    "a :b",
    "- a",
    "? a",
    "--- a",
    "\t",
    "\ta",
    "a\tb",
    "\n",
    "\n\n",
    "a\n",
    "a\n\n",
    "\na",
    " \na",
    "a\n \n",
    "a \nb\t\n",
    "\ta\nb",
    "a\n\tb",
    "a\r\nb\r\n",
    "a\rb",
    "---\na\n...\n",
    "# a\nb",
    "%YAML 1.1\n---\n",
    "a\n  b\n c\n",
    "  a\nb",
    "\0",
    "a\0b\n",
    "a\u0085b\nc",
    "a\u2028b\nc",
    "a\u2029b\nc",
    "\ufeffa\nb",
    "a\ufeff",
    "\u00a0a\u00a0\nb",
    "\u200b\u202e\n",
    "ä\nö",
    "😀\n😀",
    "😀\0",
    "\ufffe",
    "\uffff\n",
    "\x7f",
    "\x1b[31m",
    "\x80\n",
    "k" * 300,
    "k" * 1200,
    "ä" * 1000,
    "\0" * 300,
    "x\n" * 600,
]
HOSTILE = [*LOOKALIKES.split(), *TEXTS]
