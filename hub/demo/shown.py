"""How the demo shows what was asked and answered."""

from typing import Any

import orjson
from rich.console import Console
from rich.syntax import Syntax


def tell_question(console: Console, document: str, answer: Any, *, most: int = 24) -> None:
    """A document and what came of it, cut to so many lines."""
    console.print(Syntax(document.strip(), "graphql", word_wrap=True))
    shown = orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode().splitlines()
    console.print(Syntax("\n".join(shown[:most]), "json", word_wrap=True))
    if len(shown) > most:
        console.print(f"… 其余 {len(shown) - most} 行 · {len(shown) - most} more lines")
