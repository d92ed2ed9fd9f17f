"""The HTML of the page: `static/*.html` with what follows from the domain, the model and, for a posted form, an answer.

Scripts fill the same places when there are any. Every text that is not written here is escaped.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from string import Template
from typing import Any, Final

import orjson

from predictor.errors import HintedViolation, InvalidInput
from predictor.models import LoadedModel
from predictor.penguin import DESCRIPTION, LABEL, NOUN, NOUN_PLURAL
from predictor.prediction import Prediction
from predictor.web.page.card import card_html
from predictor.web.page.content import Content, Field, words
from predictor.web.page.files import STATIC, static_tag

_COLOURS: Final = 6
_MAX_RADIO_BUTTONS: Final = 3
_PERSON: Final = "Let a person decide."
QUESTION: Final = f"Which {words(LABEL)} is this {NOUN}?"


class Document:
    """The page for one model."""

    def __init__(self, model: LoadedModel, content: Content, *, max_rows: int) -> None:
        self.tag: Final = model.identity.digest.removeprefix("sha256:")[:12]
        """Stands in the address of what belongs to the model."""
        self._model = model
        self._content = content
        self._data = content.for_scripts(model, max_rows=max_rows, tag=self.tag)
        self.rows: Final = content.reference
        """What the plots show, as JSON; None for a model without a reference."""
        _, first = content.examples[0]
        self.page: Final = self._render(first, _no_answer(model.manifest.classes), {})

    def with_answer(self, values: Mapping[str, Any], answer: Prediction) -> bytes:
        """The page that answers a posted form."""
        return self._render(values, self._answer(answer), {})

    def with_errors(self, values: Mapping[str, Any], error: InvalidInput) -> bytes:
        """The page that refuses a posted form, with its violations at their fields."""
        errors: dict[str, str] = {}
        for violation in error.violations:
            hint = violation.hint if isinstance(violation, HintedViolation) else None
            name = violation.pointer.removeprefix("/")
            errors[name] = " ".join(filter(None, [errors.get(name), violation.message, hint]))
        return self._render(values, _no_answer(self._model.manifest.classes, "No answer", str(error)), errors)

    def _answer(self, answer: Prediction) -> str:
        assessment = answer.assessment
        sentence, warnings = "", ""
        if assessment is not None:
            if assessment.prediction_set is not None and assessment.coverage is not None:
                possible = " or ".join(assessment.prediction_set)
                sentence = f"At {assessment.coverage * 100:.4g}\u00a0% coverage it is {possible}. "
            sentence += _PERSON if assessment.abstain else ""
            warnings = "".join(f"<li>{escape(self._in_words(one.message))}</li>" for one in assessment.warnings)
        return _result(answer.prediction, answer.probabilities, sentence=sentence, warnings=warnings)

    def _in_words(self, message: str) -> str:
        for field in self._content.fields:
            message = message.replace(field.name, field.label)
        return message

    def _render(self, values: Mapping[str, Any], answer: str, errors: Mapping[str, str]) -> bytes:
        content, model = self._content, self._model
        html = _template("index.html").substitute(
            question=escape(QUESTION),
            description=escape(DESCRIPTION),
            noun=escape(NOUN),
            nouns=escape(NOUN_PLURAL),
            files=f"page/{static_tag()}",
            fields="\n".join(
                _field(field, values.get(field.name), errors.get(field.name, "")) for field in content.fields
            ),
            examples="\n".join(_example(index, title) for index, (title, _) in enumerate(content.examples)),
            answer=answer,
            plots="\n".join(_plot(index, content, pair) for index, pair in enumerate(content.plots)),
            compare="" if content.plots else " hidden",
            nearest="" if self._data["explains"] else " hidden",
            facts=_facts(model),
            figures="\n".join(f"{escape(name)}: {value:.4g}" for name, value in model.manifest.metrics.items()),
            columns=escape(", ".join(field.name for field in content.fields)),
            # `<` would end the block if it stood in `</script>`.
            data=orjson.dumps(self._data).decode().replace("<", "\\u003c"),
        )
        return html.encode()


def card_page(markdown: str) -> bytes:
    """The model card as a page."""
    html = _template("card.html").substitute(card=card_html(markdown), files=f"page/{static_tag()}")
    return html.encode()


def no_model_page() -> bytes:
    """For as long as there is no model; asks again by itself."""
    html = _template("no_model.html").substitute(question=escape(QUESTION), files=f"page/{static_tag()}")
    return html.encode()


def percent(probability: float | None) -> str:
    """Never 0 % or 100 %, which no model can know; answer.js does the same. Empty without a probability."""
    if probability is None:
        return ""
    if probability > 0.99:
        return "> 99\u00a0%"
    if probability < 0.01:
        return "< 1\u00a0%"
    return f"{probability * 100:.0f}\u00a0%"


@cache
def _template(name: str) -> Template:
    return Template((STATIC / name).read_text(encoding="utf-8"))


def _field(field: Field, value: Any, error: str) -> str:
    name = escape(field.name)
    described = f'aria-describedby="about-{name} error-{name}"' + (' aria-invalid="true"' if error else "")
    below = (
        f'<p class="about" id="about-{name}">{escape(field.description)}</p>'
        f'<p class="error" id="error-{name}">{escape(error)}</p>'
        f'<p class="effect js" data-effect="{name}"></p>'
    )
    if field.values:
        return _category(field, value, described, below)
    low, high, step = field.slider
    number = "" if value is None else escape(_number(value))
    unit = f'<span class="unit">{escape(field.unit)}</span>' if field.unit else ""
    return f"""<div class="field">
<label for="field-{name}">{escape(_capital(field.label))}</label>
<span class="entry"><input type="number" id="field-{name}" name="{name}" value="{number}" min="{field.low:g}"\
 max="{field.high:g}" step="any" inputmode="decimal" required {described}>{unit}</span>
<input type="range" class="js" data-slider="{name}" aria-label="{escape(_capital(field.label))}, slider" min="{low:g}"\
 max="{high:g}" step="{step:g}" value="{number}">
{below}
</div>"""


def _category(field: Field, value: Any, described: str, below: str) -> str:
    name, label = escape(field.name), escape(_capital(field.label))
    if len(field.values) > _MAX_RADIO_BUTTONS:
        options = "".join(
            f'<option value="{escape(item)}"{" selected" if item == value else ""}>{escape(item)}</option>'
            for item in field.values
        )
        return f"""<div class="field">
<label for="field-{name}">{label}</label>
<span class="entry"><select id="field-{name}" name="{name}" {described}>{options}</select></span>
{below}
</div>"""
    buttons = "".join(
        f'<label><input type="radio" name="{name}" value="{escape(item)}" required'
        f"{' checked' if item == value else ''}><span>{escape(item)}</span></label>"
        for item in field.values
    )
    return f"""<fieldset class="field" id="field-{name}" {described}>
<legend>{label}</legend>
<div class="choices">{buttons}</div>
{below}
</fieldset>"""


def _example(index: int, title: str) -> str:
    return f'<button type="button" data-example="{index}">{escape(title)}</button>'


def _no_answer(classes: Iterable[str], verdict: str = "\u2013", sentence: str = "") -> str:
    return _result(verdict, dict.fromkeys(classes), sentence=sentence)


def _result(verdict: str, shares: Mapping[str, float | None], *, sentence: str, warnings: str = "") -> str:
    """What scripts fill: the verdict, a bar for each class, and warnings (HTML)."""
    names = list(shares)
    colour = f' class="c{names.index(verdict) % _COLOURS}"' if verdict in names else ""
    bars = "".join(
        f'<li class="c{index % _COLOURS}"><span class="name">{escape(name)}</span>'
        f'<progress max="1" value="{share or 0:.4f}" aria-hidden="true"></progress>'
        f'<span class="value">{escape(percent(share))}</span></li>'
        for index, (name, share) in enumerate(shares.items())
    )
    return f"""<p class="verdict"><strong id="verdict"{colour}>{escape(verdict)}</strong> <span id="probability">\
{escape(percent(shares.get(verdict)))}</span></p>
<p id="sentence">{escape(sentence)}</p>
<ul class="bars" id="bars">{bars}</ul>
<ul class="warnings" id="warnings">{warnings}</ul>"""


def _plot(index: int, content: Content, pair: tuple[str, str]) -> str:
    labels = {field.name: _with_unit(field) for field in content.fields}
    x, y = (escape(labels[name]) for name in pair)
    return f'<figure><svg class="plot" data-plot="{index}" viewBox="0 0 400 270" role="img" \
aria-label="{_capital(y)} against {x}"></svg></figure>'


def _with_unit(field: Field) -> str:
    return f"{field.label}, {field.unit}" if field.unit else field.label


def _facts(model: LoadedModel) -> str:
    manifest, assessor = model.manifest, model.assessor()
    facts = {
        "Model": manifest.name,
        "Version": f"<code>{escape(manifest.version)}</code>",
        "Digest": f"<code>{escape(model.identity.digest)}</code>",
        "Engine": f"{model.engine.name}, {model.engine.runtime}",
        "Made": escape(manifest.created),
    }
    if assessor is not None:
        reference = assessor.reference
        counts = ", ".join(f"{count} {escape(name)}" for name, count in reference.label_counts().items())
        facts[f"Reference {escape(NOUN_PLURAL)}"] = f"{reference.rows}: {counts}"
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())


def _number(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
