"""The GraphiQL page, from files of the hub's own: a hospital's intranet has no CDN."""

from pathlib import Path

from starlette.responses import HTMLResponse

from hub.api.fetch_graphiql import ASSETS, FOLDER

PREFIX = "/graphiql-assets"
_PAGE = Path(__file__).with_name("graphiql.html")
_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'"
)
_MISSING = """<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8" /><title>GraphiQL</title>
<p>The files of the GraphiQL page are not here. Run <code>make setup</code> where npm works, then reload.</p>
<p>GraphiQL 页面所需文件尚未安装：请在可使用 npm 的环境中运行 <code>make setup</code>，然后刷新本页。</p>
</html>
"""


def graphiql_page(folder: Path = FOLDER) -> HTMLResponse:
    """The page, or what to run where its files are missing."""
    if not all((folder / asset.name).is_file() for asset in ASSETS):
        return HTMLResponse(_MISSING, status_code=503)
    scripts = [f'<script src="{PREFIX}/{one.name}"></script>' for one in ASSETS if one.name.endswith(".js")]
    styles = [f'<link rel="stylesheet" href="{PREFIX}/{one.name}" />' for one in ASSETS if one.name.endswith(".css")]
    page = _PAGE.read_text(encoding="utf-8")
    page = page.replace("{styles}", "\n    ".join(styles)).replace("{scripts}", "\n    ".join(scripts))
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})
