"""Random expressions of the whole grammar, and documents in which they find something."""

from __future__ import annotations

from json import dumps

from hypothesis import strategies as st

NAMES = ("a", "b", "s", "n", "t", "o", "i")
NUMBERS = st.one_of(st.integers(-2, 3), st.sampled_from((0.0, 1.0, 1.5, -2.5)))
TEXTS = st.sampled_from(("", "a", "b", "ab", "é", "1", "1.5", "nan", "x y", "\n"))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
        st.lists(NUMBERS, max_size=3),
        st.lists(TEXTS, max_size=3),
    ),
    max_leaves=6,
)
OBJECTS = st.fixed_dictionaries({}, optional={"a": VALUES, "n": NUMBERS, "s": TEXTS, "b": st.booleans()})
DOCUMENTS = st.fixed_dictionaries(
    {"n": st.lists(NUMBERS, max_size=4), "t": st.lists(TEXTS, max_size=4), "o": st.lists(OBJECTS, max_size=4)},
    optional={"a": VALUES, "b": OBJECTS, "s": TEXTS, "i": NUMBERS},
)
ONE = ("abs", "avg", "ceil", "floor", "keys", "length", "max", "min", "reverse", "sort", "sum", "to_array", "to_number",
       "to_string", "type", "values", "not_null", "merge")  # fmt: skip
TWO = ("contains", "starts_with", "ends_with", "join", "not_null", "merge")
BY = ("sort_by", "max_by", "min_by")
SIGNS = ("==", "!=", "<", "<=", ">", ">=")

names = st.sampled_from((*NAMES, '"a"', '"no such"'))
literals = VALUES.map(lambda value: "`" + dumps(value).replace("`", "\\`") + "`")
raw = TEXTS.map(lambda text: f"'{text}'")
bounds = st.sampled_from(("", "0", "1", "2", "-1", "-2"))
slices = st.builds("[{}:{}:{}]".format, bounds, bounds, st.sampled_from(("", "1", "2", "-1", "0")))
indexes = st.integers(-3, 3).map("[{}]".format)
# Paths that usually lead to a list of numbers, of texts, of objects, to a text, a number, an object.
SOURCES = ("n", "t", "o", "s", "i", "b", "o[*].n", "o[].s", "a", "@", "`[]`", "n[0]", "t[0]", "o[0]", "[s, i]")
FIELDS = ("n", "s", "a", "@.n", "abs(n)", "length(s)")
sources = st.sampled_from(SOURCES)
calls = st.one_of(
    st.builds("{}({})".format, st.sampled_from(ONE), sources),
    st.builds("{}({}, {})".format, st.sampled_from(TWO), sources, st.one_of(sources, literals, raw)),
    st.builds("join({}, {})".format, raw, sources),
    st.builds("{}({}, &{})".format, st.sampled_from(BY), sources, st.sampled_from(FIELDS)),
    st.builds("map(&{}, {})".format, st.sampled_from(FIELDS), sources),
    st.builds("o[?{} {} {}].{}".format, names, st.sampled_from(SIGNS), st.one_of(literals, raw, names), names),
    st.builds("{} | {}".format, sources, st.sampled_from(("[0]", "length(@)", "[*]", "@[]", "type(@)", "[::-1]"))),
)
atoms = st.one_of(calls, calls, names, st.just("@"), literals, raw, st.builds("{}.{}".format, names, names))


def _bigger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    suffix = st.one_of(
        names.map(".{}".format), indexes, slices, st.just("[*]"), st.just("[]"), st.just(".*"),
        inner.map("[?{}]".format), st.builds(".[{}, {}]".format, inner, inner), st.builds(".{{x: {}}}".format, inner),
        st.builds(".{}({})".format, st.sampled_from(ONE), inner),
    )  # fmt: skip
    return st.one_of(
        st.builds("{}{}".format, atoms, suffix),
        st.builds("({}){}".format, inner, suffix),
        st.builds("{}{}{}".format, names, suffix, suffix),
        st.builds("{} {} {}".format, inner, st.sampled_from((*SIGNS, "&&", "||", "|")), inner),
        st.builds("({}) {} ({})".format, inner, st.sampled_from((*SIGNS, "&&", "||", "|")), inner),
        st.builds("{} {} {}".format, atoms, st.sampled_from(SIGNS), st.one_of(literals, raw)),
        inner.map("!({})".format),
        names.map("!{}".format),
        st.builds("{}({})".format, st.sampled_from(ONE), inner),
        st.builds("{}({}, {})".format, st.sampled_from(TWO), inner, inner),
        st.builds("{}({}, &{})".format, st.sampled_from(BY), inner, inner),
        st.builds("map(&{}, {})".format, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{x: {}, y: {}}}".format, inner, inner),
    )


EXPRESSIONS = st.recursive(atoms, _bigger, max_leaves=6)
