"""The paths of the page: `/` and `/card` for browsers, `/page` for forms, and `/page/...` for files."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request

from predictor.artifacts import ModelCache
from predictor.decoding import validate
from predictor.errors import ArtifactMissing, InvalidInput, ModelUnavailable, StoreUnavailable
from predictor.models import LoadedModel
from predictor.service import count_refused, predict, with_hints
from predictor.web.caching import cacheable
from predictor.web.page.content import page_content
from predictor.web.page.document import Document, card_page, no_model_page
from predictor.web.page.files import HEADERS, HTML, static_files, static_tag
from predictor.web.page.form import read_form
from predictor.web.problems import PROBLEM_TYPES, HttpProblem
from predictor.web.responses import JSON, BytesResponse

FetchCard = Callable[[LoadedModel], bytes]
"""The verified bytes of the model card; raises `ArtifactMissing`, `StoreUnavailable`. Blocks."""

_RETRY_S: Final = 5.0


class Site:
    """Answers for people. The cache holds one model for as long as the process lives, so each page is made once."""

    def __init__(self, models: ModelCache[LoadedModel], fetch_card: FetchCard | None, *, max_rows: int) -> None:
        """`fetch_card` None: there are no cards. `max_rows` of one batch."""
        self._models = models
        self._fetch_card = fetch_card
        self._max_rows = max_rows
        self._document: Document | None = None
        self._card: bytes | None = None

    async def __call__(self, request: Request) -> BytesResponse:
        path = request.scope["path"]
        if path == "/":
            return await self._home()
        if path == "/card":
            return await self._show_card()
        if path == "/page":
            return await self._answer_form(request)
        return await self._file(path)

    async def _home(self) -> BytesResponse:
        try:
            document = await self._made(await self._models.get())
        except ModelUnavailable as error:
            retry_after = (b"retry-after", b"%d" % max(1, round(error.retry_after_s)))
            return BytesResponse(no_model_page(), HTML, 503, [*HEADERS, retry_after])
        return cacheable(document.page, HTML, [*HEADERS, (b"vary", b"Accept")])

    async def _answer_form(self, request: Request) -> BytesResponse:
        values = await read_form(request)
        model = await self._models.get()
        document = await self._made(model)
        return await asyncio.to_thread(_answered, document, model, values)

    async def _file(self, path: str) -> BytesResponse:
        tag, _, name = path.removeprefix("/page/").partition("/")
        if name == "reference.json":
            document = await self._made(await self._models.get())
            if document.rows is not None:
                return cacheable(document.rows, JSON, HEADERS, immutable=tag == document.tag)
        elif name in static_files():
            # During a rollout the page may come from one revision and its files from another: better new than none.
            return cacheable(*static_files()[name], HEADERS, immutable=tag == static_tag())
        raise HttpProblem(HTTPStatus.NOT_FOUND, PROBLEM_TYPES[HTTPStatus.NOT_FOUND].meaning)

    async def _show_card(self) -> BytesResponse:
        if self._card is None:
            model = await self._models.get()
            try:
                if self._fetch_card is None:
                    raise ArtifactMissing("The model", "model_card.md")
                card = await asyncio.to_thread(self._fetch_card, model)
            except ArtifactMissing as error:
                raise HttpProblem(HTTPStatus.NOT_FOUND, "This model has no card.") from error
            except StoreUnavailable as error:
                raise ModelUnavailable("its card cannot be read", _RETRY_S) from error
            self._card = card_page(card.decode("utf-8", "replace"))
        return cacheable(self._card, HTML, HEADERS)

    async def _made(self, model: LoadedModel) -> Document:
        if self._document is None:
            self._document = await asyncio.to_thread(self._make, model)
        return self._document

    def _make(self, model: LoadedModel) -> Document:
        return Document(model, page_content(model), max_rows=self._max_rows)


def _answered(document: Document, model: LoadedModel, values: dict[str, Any]) -> BytesResponse:
    try:
        penguin = validate(values, model.schema)
    except InvalidInput as error:
        count_refused(model, error)
        return BytesResponse(document.with_errors(values, with_hints(model, error)), HTML, 422, HEADERS)
    return BytesResponse(document.with_answer(values, predict(model, penguin)), HTML, 200, HEADERS)
