"""``python -m tests.mapping.regenerate`` writes the golden files anew; read the difference before it is committed."""

from tests.mapping import document_cases
from tests.mapping.cases import CASES, GOLDEN, reading_of, written

if __name__ == "__main__":
    for name in CASES:
        (GOLDEN / f"{name}.json").write_text(written(reading_of(name)), encoding="utf-8")
    document_cases.regenerate()
