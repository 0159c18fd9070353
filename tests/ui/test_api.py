"""The app as an API, for Gradio's client; and inside another FastAPI app."""

import base64
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from gradio_client import Client

from som import MarkedImage, load_image
from tests.ui.pictures import small_png

PICTURE = base64.b64encode(small_png()).decode()


@pytest.fixture(scope="module")
def client(url: str) -> Client:
    return Client(url, verbose=False)


def test_marking_gives_the_drawn_image_and_a_mark_file(client: Client) -> None:
    found = client.predict(PICTURE, segmenter="screen", labels="letters", api_name="/mark")
    again = MarkedImage.from_json(found["marks"], small_png())
    assert [mark.text for mark in again] == ["Account settings", "Delete", "Save all"]
    head, data = found["marked"].split(",", 1)
    assert head == "data:image/png;base64"
    assert load_image(base64.b64decode(data)).shape == again.drawn.shape


def test_asking_gives_marks_in_pixels_of_the_original_images(client: Client) -> None:
    other = base64.b64encode(small_png((20, 150, 60), "Add")).decode()
    found = client.predict(
        "the red button", [other, f"data:image/png;base64,{PICTURE}"], api_name="/ask"
    )
    assert [(mark["image"], mark["text"]) for mark in found["marks"]] == [("B", "Delete")]
    x, y = found["marks"][0]["point"]
    assert 30 <= x <= 180
    assert 70 <= y <= 120
    assert len(found["highlights"]) == 2


def test_mistakes_are_one_line(client: Client) -> None:
    for given, said in (({"segmenter": "none"}, "choose"), ({"granularity": 3}, "granularity")):
        with pytest.raises(Exception, match=said):
            client.predict(PICTURE, **given, api_name="/mark")
    with pytest.raises(Exception, match="images"):
        client.predict("what?", [], api_name="/ask")


def test_the_endpoints_are_documented_and_the_pages_own_are_not(client: Client) -> None:
    info = client.view_api(return_format="dict")
    assert set(info["named_endpoints"]) == {"/mark", "/ask", "/segmenters"}
    described = httpx.get(f"{client.src}gradio_api/info").json()["named_endpoints"]["/mark"]
    assert "base64" in described["description"]
    assert described["parameters"][0]["parameter_name"] == "image"


@pytest.fixture(scope="module")
def mounted() -> Iterator[str]:
    from examples.fastapi_mount import app

    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def test_it_lives_inside_another_app(mounted: str) -> None:
    assert httpx.get(mounted).json() == {"marks": "/som"}
    client = Client(f"{mounted}/som/", verbose=False)
    assert client.predict(PICTURE, api_name="/mark")["marks"]["segmenter"] == "screen"
    assert httpx.get(f"{mounted}/som/gradio_api/file=/etc/passwd").status_code == 404
    assert httpx.get(f"{mounted}/som/").status_code == 200
