"""The invoice as a plain PDF with ReportLab's platypus. It embeds TrueType outlines alone, so the text is set in DejaVu
Sans, which lies beside Inter."""

import io
from functools import lru_cache
from xml.sax.saxutils import escape

from missing import needed
from pages import FONTS, main

with needed():
    from reportlab.lib.colors import HexColor
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import BaseDocTemplate, Frame, KeepTogether, PageTemplate, Paragraph, Spacer, Table

FONT = "DejaVuSans"
INK, QUIET, HAIR, PALE = (HexColor(color) for color in ("#1c1f24", "#5d6570", "#dfe3e8", "#f3f4f6"))
WIDTH, HEIGHT = A4
MARGIN = 20 * mm
HALF = 80 * mm
FULL = 170 * mm

pdfmetrics.registerFont(TTFont(FONT, str(FONTS / "DejaVuSans.ttf")))


@lru_cache(maxsize=64)
def style(size, color=INK, align=0, leading=1.35):
    return ParagraphStyle(
        f"s{size}{color}{align}", fontName=FONT, fontSize=size, leading=size * leading, textColor=color, alignment=align
    )


def paragraph(text, *shape, **more):
    return Paragraph(escape(text), style(*shape, **more))


def lines(texts, *shape):
    return Paragraph("<br/>".join(map(escape, texts)), style(*shape))


class Counted(Canvas):
    """Draws the foot of each page once it is known how many there are."""

    page = None

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._sheets = []

    def showPage(self):
        self._sheets.append(dict(self.__dict__))
        self._startPage()

    def save(self):
        for at, sheet in enumerate(self._sheets, 1):
            self.__dict__.update(sheet)
            self._foot(at, len(self._sheets))
            super().showPage()
        super().save()

    def _foot(self, at, pages):
        page = self.page
        self.setStrokeColor(HAIR)
        self.setLineWidth(0.5)
        self.line(MARGIN, 26 * mm, WIDTH - MARGIN, 26 * mm)
        self.setFont(FONT, 6.5)
        self.setFillColor(QUIET)
        self.drawString(MARGIN, 22.5 * mm, " · ".join(page["seller_legal"]))
        number = page["labels"]["page"].replace("{page}", str(at)).replace("{pages}", str(pages))
        self.drawRightString(WIDTH - MARGIN, 19 * mm, number)
        if at > 1:
            self.drawString(MARGIN, HEIGHT - 14 * mm, f"{page['title']} {page['number']}")
            self.drawRightString(WIDTH - MARGIN, HEIGHT - 14 * mm, page["seller"])


def halves(left, right):
    table = Table([[left, "", right]], colWidths=[HALF, 10 * mm, HALF], style=[("VALIGN", (0, 0), (-1, -1), "TOP")])
    table.setStyle([(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")])
    return table


def items(page, accent):
    labels = page["labels"]
    names = ("quantity", "unit_price", "vat", "amount")
    rows = [[paragraph(labels["description"], 7, accent), *(labels[name] for name in names)]]
    for line in page["lines"]:
        what = [paragraph(line["description"], 8.5)]
        if line["detail"]:
            what.append(paragraph(line["detail"], 7, QUIET))
        rows.append([what, *(line[name] for name in names)])
    # As wide as what stands in them; the first column takes the rest.
    widths = [max(pdfmetrics.stringWidth(row[at], FONT, 8.5) for row in rows) + 6 * mm for at in range(1, 5)]
    table = Table(rows, colWidths=[FULL - sum(widths), *widths], repeatRows=1)
    table.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), FONT, 8.5),
            ("FONT", (0, 0), (-1, 0), FONT, 7),
            ("TEXTCOLOR", (0, 0), (-1, 0), accent),
            ("TEXTCOLOR", (0, 1), (-1, -1), INK),
            ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 2.2 * mm),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.2 * mm),
            ("LINEBELOW", (0, 0), (-1, 0), 1, accent),
            ("LINEBELOW", (0, 1), (-1, -1), 0.5, HAIR),
        ]
    )
    return table


def sums(page, accent):
    rows = [*page["sums"], page["total"], *page["settled"]]
    at = len(page["sums"])
    table = Table(rows, colWidths=[HALF / 2, HALF / 2])
    table.setStyle(
        [
            ("FONT", (0, 0), (-1, -1), FONT, 8.5),
            ("TEXTCOLOR", (0, at + 1), (-1, -1), QUIET),
            ("FONT", (0, at), (-1, at), FONT, 12),
            ("TEXTCOLOR", (0, at), (-1, at), accent),
            ("LINEABOVE", (0, at), (-1, at), 1, accent),
            ("BOTTOMPADDING", (0, at), (-1, at), 4 * mm),
            ("ALIGN", (1, 0), (1, -1), "RIGHT"),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
        ]
    )
    return [table, paragraph(page["in_euros"], 7, QUIET)] if page["in_euros"] else [table]


def story(page, accent):
    seller = [paragraph(page["seller"], 13, accent), Spacer(0, 1.5 * mm), lines(page["seller_lines"], 8, QUIET)]
    buyer = [
        Spacer(0, 26 * mm),
        paragraph(page["labels"]["billed_to"], 7, QUIET),
        paragraph(page["buyer"], 10.5),
        lines(page["buyer_lines"], 9),
        Spacer(0, 1.2 * mm),
        lines(page["buyer_details"], 8, QUIET),
    ]
    title = f'{escape(page["title"])} <font color="{escape(page["accent"])}">{escape(page["number"])}</font>'
    facts = [[paragraph(name, 8.5, QUIET), paragraph(value, 8.5)] for name, value in page["facts"]]
    facts = Table(facts, colWidths=[HALF / 2, HALF / 2], hAlign="LEFT")
    facts.setStyle([("LEFTPADDING", (0, 0), (0, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 0)])
    if page["delivery_lines"]:
        delivery = [paragraph(page["labels"]["delivered_to"], 7, QUIET), lines(page["delivery_lines"], 8.5)]
        facts = halves(facts, delivery)
    mentions = [part for text in page["mentions"] for part in (paragraph(text, 7, QUIET), Spacer(0, 1.5 * mm))]
    closing = [paragraph(page["paid"], 8.5), Spacer(0, 4 * mm), *mentions]
    return [
        halves(seller, buyer),
        Spacer(0, 13 * mm),
        Paragraph(title, style(20)),
        Spacer(0, 4 * mm),
        facts,
        Spacer(0, 7 * mm),
        items(page, accent),
        Spacer(0, 5 * mm),
        KeepTogether([halves(closing, sums(page, accent))]),
    ]


def render(page):
    out = io.BytesIO()
    document = BaseDocTemplate(
        out, pagesize=A4, title=f"{page['title']} {page['number']}", author=page["seller"], lang=page["language"]
    )

    def stamp(canvas, _):
        if page["stamp"]:
            canvas.saveState()
            canvas.setFillColor(PALE)
            canvas.setFont(FONT, 150)
            canvas.translate(WIDTH / 2, HEIGHT / 2)
            canvas.rotate(55)
            canvas.drawCentredString(0, -50, page["stamp"])
            canvas.restoreState()

    frame = Frame(MARGIN, 30 * mm, FULL, HEIGHT - 52 * mm, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate(frames=[frame], onPage=stamp))
    canvas = type("Canvas", (Counted,), {"page": page})
    document.build(story(page, HexColor(page["accent"])), canvasmaker=canvas)
    return out.getvalue()


if __name__ == "__main__":
    main("reportlab_invoice.py", render)
