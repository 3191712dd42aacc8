"""The invoice as a plain PDF with WeasyPrint: HTML and CSS."""

from html import escape

from missing import needed
from pages import STYLE, main

with needed():
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration

# Read once; WeasyPrint lays out anew for each document.
_fonts = FontConfiguration()
_style = CSS(filename=STYLE, font_config=_fonts)


def _lines(lines):
    return "<br>".join(map(escape, lines))


def _rows(pairs, kind=""):
    return "".join(f'<tr class="{kind}"><td>{escape(name)}</td><td>{escape(value)}</td></tr>' for name, value in pairs)


def _halves(left, right, kind=""):
    return f'<table class="halves {kind}"><tr><td>{left}</td><td class="gap"></td><td>{right}</td></tr></table>'


def _quoted(text):
    """A string of CSS; within an element of style nothing but its end tag would end it."""
    return '"' + "".join(f"\\{ord(c):x} " if c in '"\\\n<' else c for c in text) + '"'


def _margins(page):
    before, _, between = page["labels"]["page"].partition("{page}")
    between, _, after = between.partition("{pages}")
    number = f"{_quoted(before)} counter(page) {_quoted(between)} counter(pages) {_quoted(after)}"
    return f"""@page {{
  @top-left {{ content: {_quoted(page['title'] + ' ' + page['number'])} }}
  @top-right {{ content: {_quoted(page['seller'])} }}
  @bottom-left {{ content: {_quoted(' · '.join(page['seller_legal']))} }}
  @bottom-right {{ content: {number} }}
}}
@page :first {{ @top-left {{ content: none }} @top-right {{ content: none }} }}"""


def _line(line):
    detail = f'<div class="label">{escape(line["detail"])}</div>' if line["detail"] else ""
    cells = "".join(f"<td>{escape(line[name])}</td>" for name in ("quantity", "unit_price", "vat", "amount"))
    return f"<tr><td>{escape(line['description'])}{detail}</td>{cells}</tr>"


def html(page):
    labels = page["labels"]
    names = ("description", "quantity", "unit_price", "vat", "amount")
    heads = "".join(f"<th>{escape(labels[name])}</th>" for name in names)
    rows = "".join(map(_line, page["lines"]))
    seller = f'<div class="seller"><h1>{escape(page["seller"])}</h1><p>{_lines(page["seller_lines"])}</p></div>'
    buyer = f"""<div class="buyer"><p class="label">{escape(labels['billed_to'])}</p><h2>{escape(page['buyer'])}</h2>
<p class="lines">{_lines(page['buyer_lines'])}</p><p class="details">{_lines(page['buyer_details'])}</p></div>"""
    facts = f'<table class="facts">{_rows(page["facts"])}</table>'
    if page["delivery_lines"]:
        facts = _halves(facts, f'<p class="label">{escape(labels["delivered_to"])}</p>{_lines(page["delivery_lines"])}')
    mentions = "".join(f"<p>{escape(mention)}</p>" for mention in page["mentions"])
    closing = f'<p class="paid">{escape(page["paid"])}</p><div class="mentions">{mentions}</div>'
    sums = f"{_rows(page['sums'])}{_rows([page['total']], 'total')}{_rows(page['settled'], 'quiet')}"
    in_euros = f'<p class="label">{escape(page["in_euros"])}</p>' if page["in_euros"] else ""
    stamp = f'<div class="stamp">{escape(page["stamp"])}</div>' if page["stamp"] else ""
    return f"""<!doctype html>
<html lang="{escape(page['language'])}" style="--accent: {escape(page['accent'])}">
<head><meta charset="utf-8"><title>{escape(page['title'])} {escape(page['number'])}</title>
<meta name="author" content="{escape(page['seller'])}"><style>{_margins(page)}</style></head>
<body>{stamp}
{_halves(seller, buyer)}
<div class="title">{escape(page['title'])} <b>{escape(page['number'])}</b></div>
{facts}
<table class="lines-table"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>
{_halves(closing, f'<table class="sums">{sums}</table>{in_euros}', 'end')}
</body></html>"""


def render(page):
    document = HTML(string=html(page)).render(stylesheets=[_style], font_config=_fonts)
    return document.write_pdf()


if __name__ == "__main__":
    main("weasyprint_invoice.py", render)
