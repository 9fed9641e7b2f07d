"""Renders a card's detail as an EHR would: GitHub-flavoured markdown, never HTML, nothing loaded from elsewhere."""

from markdown_it import MarkdownIt

CARD_HEADING = 3  # the card's summary is an h3, so what the detail calls a first heading is an h4


def render(text: str) -> str:
    tokens = MARKDOWN.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + CARD_HEADING)}"
        for child in token.children or []:
            if child.type == "link_open":
                # A card's links leave the EHR page: they open beside it, and learn nothing about it.
                child.attrs |= {"target": "_blank", "rel": "noopener"}
    return str(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}))


# An image would be fetched from elsewhere as soon as the card is shown.
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
