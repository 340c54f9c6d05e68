"""The pages of an archive as HTML. What publishers wrote is cleaned, and the pages ask nobody else for anything: no
pictures, no scripts, no fonts from other hosts, which would tell them who reads what.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from podcrawler.exceptions import PublishError
from podcrawler.plain_text import MAX_LENGTH, plain_text

try:
    import nh3
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
except ImportError as missing:
    raise PublishError(
        f"Pages need Jinja2 and nh3, which are not installed here ({missing.name}): pip install 'podcrawler[pages]'."
    ) from None

#: Of Content Security Policy: what pages may load, all of it from their own place.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
#: What is left of a publisher's HTML: text and links.
_TAGS = {
    "a", "b", "blockquote", "br", "code", "dd", "dl", "dt", "em", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p",
    "pre", "s", "small", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
#: More than any description has. The parser takes quadratic time: ten seconds for a hostile one of MAX_LENGTH.
_MOST_TAGS = 2000
_ENVIRONMENT = Environment(
    loader=PackageLoader("podcrawler.publish"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
#: Files that pages have in common, by name.
STATIC = ("icon.svg", "script.js", "style.css")


def page(template: str, values: Mapping[str, Any]) -> bytes:
    """A page, by the name of its template; ``up`` among the values leads to the archive's folder."""
    rendered = _ENVIRONMENT.get_template(template).render(policy=_POLICY, **values)
    return rendered.encode(errors="replace")


def static(name: str) -> bytes:
    """One of STATIC."""
    return (files("podcrawler.publish") / "static" / name).read_bytes()


def cleaned(text: str) -> Markup:
    """What a publisher wrote, HTML or plain text, so that it can do nothing but be read."""
    text = text[:MAX_LENGTH]
    if text.count("<") > _MOST_TAGS:
        text = plain_text(text)
        return Markup("<br>").join(text.splitlines())
    if not nh3.is_html(text):
        return Markup("<br>").join(text.strip().splitlines())
    return Markup(
        nh3.clean(
            text,
            tags=_TAGS,
            attributes={"a": {"href", "title"}},
            url_schemes={"http", "https", "mailto"},
            link_rel="noopener noreferrer nofollow",
        )
    )
