"""The page at `/` for people with a browser; programs never import it.

`content` is what the page knows of the domain and of the model, `document` makes HTML of it, `static/` holds style and
scripts, which ask the same API as everyone else. `card` shows the model card. Without JavaScript the form is posted
to `/page` and answered as a page.
"""

from predictor.web.page.negotiation import prefers_html
from predictor.web.page.site import FetchCard, Site

__all__ = ["FetchCard", "Site", "prefers_html"]
