"""The page of clinical documents: how they are read, which kinds there are, and what rows for them may say."""

from collections.abc import Iterator, Mapping

from hub.docs.pages import page, table
from hub.mapping.cda.context import CdaConverter
from hub.mapping.cda.converters import CONVERTERS
from hub.mapping.cda.places import WORDS
from hub.mapping.cda.rows import CdaPlan, CdaSet

_PLACES = (
    ("`/author/time`", "An element of the header, by its path below `ClinicalDocument`."),
    ("`/recordTarget/patientRole/id[2.16.156.10011.1.33]`", "The id of that root (of a value: of that code system)."),
    ("`DE05.01.024.00`", "The value of a data element, wherever it stands among the entries that belong together."),
    ("`DE05.01.024.00/effectiveTime`", "Another element of that entry."),
    ("`DE04.50.131.00{主观}`", "The element whose name has this word: two things of one number are told apart by it."),
    ("`./effectiveTime`", "An element of the entry at hand, the first of those that belong together."),
    ("`#section`", f"A word about the document or the entry: {', '.join(f'`{word}`' for word in sorted(WORDS))}."),
)
_SETS = (
    ("`resource`", "The FHIR resource that it makes."),
    ("`once`", "One a document, of all its entries."),
    ("`kind`", "One for each entry of these kinds (`procedure`), with what is in it."),
    (
        "`of`, `with`",
        "One for the entries with a data element out of `of`, and those out of `with` that belong to them.",
    ),
    ("`when`", "Only where this holds."),
    ("`needs`", "Targets without which the entries are left to the sets after it."),
    ("`key`", "What tells the resource apart: it is updated, and not added, when the same comes again."),
    ("`result_of`", "The set whose report it is a result of."),
    ("`rows`", "As in [v2](mapping.md#a-row): `from`, `to`, `as`, `when`, `codes`, `each`, `value`, `assumed`."),
    ("row: `beside`", "A second place that the converter reads: the name beside a code, the unit beside a number."),
)


def documents_page(plan: CdaPlan) -> str:
    """How documents are read, and which."""
    return page(
        "Clinical documents",
        "CDA R2 documents of WS/T 500 (hospitals) and WS/T 483 (health records) come by [SOAP or "
        "HTTP](soap.md#documents) and by the [drop folder](folders-and-views.md). The kind is that of `code`, never of "
        "`templateId`, which senders copy. A kind that is not listed here is read by the same rules.",
        "## How they are read",
        "Vendors differ in the order of elements, the namespace, the nesting of sections and entries, and in whether a "
        "section has a code or only a title. So nothing is looked for at a fixed place: every entry is a statement "
        "with a **data element** (`DE05.01.024.00`), the section around it, and its parent. Entries that belong "
        "together (code, name and state of one diagnosis) are found in organizers, inside each other, side by side, or "
        "in columns; columns of unequal length are left single.\n\n"
        "The row sets of `mappings/cda` go over them in this order; what one has read, the later ones leave alone:",
        table(("row set", "makes", "of"), _set_rows(plan)),
        "The last is the **generic table**: what no set before it reads becomes an Observation under its data element, "
        "with its section's category. What doctors follow has LOINC's code besides (`codes/element-code.csv`).",
        "- The **document** itself is always kept: a DocumentReference with its text as people read it, and with the "
        "original (or the PDF that is its body), beyond the retention of messages.\n"
        "- **Allergies** come only of a flag (DE02.10.023.00) that is true and what to. A history in words alone "
        "(否认药物过敏史) stays words: nobody can tell from it whether there is one.\n"
        "- **What is not so** (`negationInd`), what is only planned or a goal (`moodCode`), and charges become nothing "
        "and are told; a cancelled operation is `not-done`. A relative's diagnosis, one that was considered or "
        "excluded is no diagnosis of the patient.\n"
        "- **Follow-up**: the way, the day and the period of 治疗记录 (DE06.00.108.00, .109, .112) become a request as "
        "those of v2 do; 复诊指导 and 出院医嘱 are its words, which are shown and never read as days.\n"
        "- **The stay** goes by `componentOf/encompassingEncounter/id`, or by the number that the profile names "
        "(`visit_by`). A document of a stay without either makes none, with the finding `stay-not-named`: it would "
        "stand beside the one that ADT tells of, and be followed up twice.\n"
        "- **What nothing reads** is told as `unaccounted-content`, element by element; `mappings/cda/ignored.toml` "
        "says of what that is no loss, and why.",
        "A document that takes another's place (`relatedDocument`, `setId`) updates what it says anew; what it no "
        "longer says stays, with the older document as its origin.",
        "## The kinds",
        "**Exact**: golden pairs hold what it becomes, in two vendors' layouts. **Generic**: the same sets and the "
        "generic table read it, and nobody has held what comes out against a document.",
        table(("code", "文书", "document", "read"), _kind_rows(plan)),
        "## A source's own rows",
        "`sources/NAME/cda/SET.toml` (a file called as one of the sets above) replaces that set's rows by their target "
        "and adds others; `sources/NAME/cda/ignored.toml` adds reasons; `sources/NAME/codes/*.csv` its own words. "
        "`hub source check` tells every fault with file and line. A place is one of",
        table(("place", "is"), _PLACES),
        "and a set has these keys:",
        table(("key", "says"), _SETS),
        "## Converters",
        table(("converter", "gives"), _converter_rows(CONVERTERS)),
    )


def _set_rows(plan: CdaPlan) -> Iterator[tuple[str, str, str]]:
    for one in plan.sets:
        yield f"`{one.name}`", one.resource, _made_of(one)


def _made_of(one: CdaSet) -> str:
    if one.once:
        return "the document"
    return ", ".join(f"`{name}`" for name in sorted(one.kinds or one.of))


def _kind_rows(plan: CdaPlan) -> Iterator[tuple[str, str, str, str]]:
    for kind in plan.kinds.values():
        yield f"`{kind.code}`", kind.zh, kind.en, "exact" if kind.is_exact else "generic"


def _converter_rows(converters: Mapping[str, CdaConverter]) -> Iterator[tuple[str, str]]:
    for name, one in sorted(converters.items()):
        yield f"`{name}`", ", ".join(f"`{given}`" for given in sorted(one.types))
