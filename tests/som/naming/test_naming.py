from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
import transformers
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from som import Marker
from som.cli import main
from som.errors import SomError
from som.naming import Namer, read_vocabulary, with_names
from som.naming.encoders import Encoder
from som.naming.index import WordIndex, build_index
from som.naming.namer import focus
from som.naming.vocabulary import shipped
from som.regions import make_regions
from tests.som.segmenters.words.tiny import save_tokenizer

WORDS = ["cup", "saucer", "spoon", "a wooden table", "handle"]
HANGUL = "".join(sorted({letter for word in shipped("ko") for letter in word if not letter.isspace()}))
SMALL = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}


def save(folder: Path, kind: str) -> Path:
    """A tiny model with random weights in transformers' format."""
    torch.manual_seed(0)
    letters = "abcdefghijklmnopqrstuvwxyz." + HANGUL
    text = {
        **SMALL,
        "vocab_size": save_tokenizer(folder, letters=letters),
        "max_position_embeddings": 64,
    }
    vision = {**SMALL, "image_size": 32, "patch_size": 8}
    model: Any
    if kind == "clip":
        text |= {"eos_token_id": 3}
        model = transformers.CLIPModel(
            transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
        )
    elif kind == "siglip":
        model = transformers.SiglipModel(
            transformers.SiglipConfig(text_config={**text, "projection_size": 32}, vision_config=vision)
        )
    else:
        vision = {**SMALL, "patch_size": 8, "num_patches": 16}
        model = transformers.Siglip2Model(
            transformers.Siglip2Config(
                text_config={**text, "projection_size": 32}, vision_config=vision
            )
        )
    for values in model.parameters():
        if values.dim() > 1:
            torch.nn.init.normal_(values, std=values[0].numel() ** -0.5)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("names")
    return {kind: save(folder / kind, kind) for kind in ("clip", "siglip", "siglip2")}


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    whole: NDArray[np.uint8] = skimage.data.coffee()  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(whole[::2, ::2])


REGIONS = make_regions([[20, 10, 120, 150], [150, 20, 290, 60], [0, 0, 300, 200]])


@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip2"])
def test_scores_are_the_models_own(
    checkpoints: dict[str, Path], photo: NDArray[np.uint8], tmp_path: Path, kind: str
) -> None:
    namer = Namer(WORDS, model=str(checkpoints[kind]), device="cpu", cache=tmp_path)
    found = namer(photo, REGIONS, k=len(WORDS))

    encoder = Encoder(str(checkpoints[kind]), torch.device("cpu"))
    views = [focus(photo, REGIONS, row) for row in range(3)]
    captions = [f"a photo of a {word}" for word in WORDS]
    seen: dict[str, Any] = {}
    original = encoder._model.get_image_features
    encoder._model.get_image_features = lambda **asked: seen.update(asked) or original(**asked)
    encoder.images(views)
    tokens = encoder._tokens(captions, padding="max_length", max_length=64, return_tensors="pt")
    texts = {"input_ids": tokens["input_ids"]}
    if kind == "clip":
        texts["attention_mask"] = tokens["attention_mask"]
    with torch.inference_mode():
        logits = encoder._model(**seen, **texts).logits_per_image
    likely = logits.softmax(dim=1) if kind == "clip" else logits.sigmoid()
    for names, expected in zip(found, likely.numpy(), strict=True):
        assert [name.word for name in names] == [WORDS[i] for i in np.argsort(-expected)]
        assert [name.score for name in names] == pytest.approx(np.sort(expected)[::-1], abs=1e-4)
        if kind == "clip":
            assert sum(name.score for name in names) == pytest.approx(1, abs=1e-6)


def test_a_korean_vocabulary(
    checkpoints: dict[str, Path], photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    namer = Namer("ko", model=str(checkpoints["siglip"]), device="cpu", cache=tmp_path)
    found = namer(photo, REGIONS, k=4)
    assert [len(names) for names in found] == [4, 4, 4]
    assert {name.word for names in found for name in names} <= set(shipped("ko"))
    assert len({name.word for names in found for name in names}) > 1
    encoder, index = namer._load()
    vectors = encoder.texts(["컵", "의자"])
    assert [index.words[i] for i in index.nearest(vectors, 1)[1][:, 0]] == ["컵", "의자"]


def test_words_are_encoded_once_and_kept(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder(str(checkpoints["clip"]), torch.device("cpu"))
    first = build_index(WORDS, encoder, tmp_path)
    files = list(tmp_path.iterdir())
    assert [path.suffix for path in files] == [".npy"]
    monkeypatch.setattr(encoder, "texts", lambda texts: pytest.fail("encoded again"))
    again = build_index(WORDS, encoder, tmp_path)
    query = np.eye(24, dtype=np.float32)[:3]
    assert (first.nearest(query, 2)[1] == again.nearest(query, 2)[1]).all()

    fresh = Encoder(str(checkpoints["clip"]), torch.device("cpu"))
    files[0].write_bytes(files[0].read_bytes()[:100])
    build_index(WORDS, fresh, tmp_path)
    build_index(WORDS[:3], fresh, tmp_path)
    fresh.fingerprint = "other weights"
    build_index(WORDS, fresh, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_cache_that_cannot_be_written_is_no_error(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    encoder = Encoder(str(checkpoints["clip"]), torch.device("cpu"))
    assert build_index(WORDS, encoder, tmp_path / "file").words == WORDS


def test_the_index_holds_a_hundred_thousand_words() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(100_000, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = WordIndex([f"word {i}" for i in range(len(vectors))], vectors)
    wanted = rng.integers(0, len(vectors), 50)
    cosines, numbers = index.nearest(vectors[wanted], 5)
    assert numbers[:, 0].tolist() == wanted.tolist()
    assert cosines[:, 0] == pytest.approx(np.ones(50), abs=1e-5)
    assert (np.diff(cosines, axis=1) <= 1e-6).all()


def test_names_join_the_legend_and_the_mark_file(
    checkpoints: dict[str, Path], photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    regions = make_regions(REGIONS.xyxy, role=["", "button", ""])
    marked = Marker.from_detections(photo, regions)
    namer = Namer(WORDS, model=str(checkpoints["clip"]), device="cpu", cache=tmp_path)
    names = namer(marked.image, marked.regions)
    named = with_names(marked, names)
    known = [mark for mark in named.marks if mark.role == "button"]
    assert len(known) == 1, "a role that was known stays"
    for mark in named.marks:
        assert mark is known[0] or mark.role == names[mark.region][0].word
        assert f"[{mark.label}] {mark.role}" in named.legend()
    assert {mark["role"] for mark in named.to_json()["marks"]} == {mark.role for mark in named.marks}
    assert {mark.role for mark in marked.marks} == {"", "button"}, "the original is not changed"
    assert {mark.role for mark in with_names(marked, names, least=1.1).marks} == {"", "button"}
    assert (named.drawn == marked.drawn).all()


def test_a_view_shows_the_region_and_blurs_the_rest() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (100, 200, 3)).astype(np.uint8)
    mask = np.zeros((1, 100, 200), bool)
    mask[0, 40:60, 90:110] = True
    view = focus(image, make_regions([[80, 30, 120, 70]], mask=mask), 0)
    assert view.shape[0] == view.shape[1] == 52
    inside, outside = view[16:36, 16:36], view[:10]
    assert (inside == image[40:60, 90:110]).all()
    assert outside.std() < 0.5 * inside.std()
    corner = focus(image, make_regions([[190, 0, 200, 30]]), 0)
    assert corner.shape[0] == corner.shape[1]


def test_vocabularies(tmp_path: Path) -> None:
    assert len(shipped("en")) == len(shipped("ko")) > 300
    assert len(set(shipped("en"))) == len(shipped("en"))
    path = tmp_path / "words.txt"
    path.write_text("cup\n\n  saucer \ncup\n", encoding="utf-8")
    assert read_vocabulary(path) == ["cup", "saucer"]
    path.write_text("\n")
    with pytest.raises(SomError, match="has no words"):
        read_vocabulary(path)
    with pytest.raises(SomError, match="cannot read words from"):
        read_vocabulary(tmp_path / "none.txt")
    with pytest.raises(SomError, match="no words in 'fr'"):
        shipped("fr")
    with pytest.raises(SomError, match="vocabulary is empty"):
        Namer([])


def test_models_that_cannot_name_are_one_line(tmp_path: Path) -> None:
    transformers.BertConfig().save_pretrained(tmp_path)
    with pytest.raises(SomError, match="is a bert model; names need one of: clip, siglip"):
        Encoder(str(tmp_path), torch.device("cpu"))


def test_the_command_prints_names(
    checkpoints: dict[str, Path],
    photo: NDArray[np.uint8],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Image.fromarray(photo).save(tmp_path / "a.png")
    words = tmp_path / "words.txt"
    words.write_text("\n".join(WORDS))
    asked = [
        "name",
        str(tmp_path / "a.png"),
        "--words",
        str(words),
        "--namer",
        str(checkpoints["clip"]),
    ]
    result = CliRunner().invoke(
        main, [*asked, "--box", "20,10,120,150", "--top", "2", "--json", str(tmp_path / "out.json")]
    )
    assert result.exit_code == 0, result.output
    line = result.output.splitlines()[0]
    assert line.startswith("  [1]  ")
    assert sum(word in line for word in WORDS) >= 2
    assert any(f'"role": "{word}"' in (tmp_path / "out.json").read_text() for word in WORDS)
