"""A page whose server is gone says so, whatever its theme, and is opened again where it was."""

import pytest

from tests.browser.served import menu, served, visit

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


def test_a_page_without_its_server_says_so_and_can_be_opened_again(chromium, tmp_path):
    (tmp_path / "root").mkdir()
    with served(tmp_path / "root", tmp_path) as server:
        page = visit(chromium, server.address)
        menu(page, "Recipe", "Use our defaults")
        page.get_by_role("button", name="Next frame").click()
        page.wait_for_url("**#frame=2*")
        dialog = page.get_by_role("alertdialog")
        assert dialog.count() == 0
        server.process.kill()
        dialog.wait_for()
        assert dialog.get_by_role("button", name="Open again").evaluate("(one) => one.matches(':focus')")
        assert page.problems == []
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
        assert asked[0] == server.address
        page.close()
