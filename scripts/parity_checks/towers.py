# SPDX-License-Identifier: Apache-2.0
"""Item towers whose encoder trains, for scripts/parity_recommender.py: small random models of transformers, the texts
and pictures that they read, and the vectors of all items in double precision with the program's own weights."""
import json
import random

import numpy
import torch
import torch.nn.functional as F
import transformers
from PIL import Image
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from .common import IMAGE_KIND, opened, randomise

SMALL = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2)
SIDE, PATCH = 32, 8
MAX_TOKENS = 8
FRAMES = 4
LAYERS = {"none": 0, "last": 1, "all": -1}  # those that train
COMMON = ["--text-lr", 0.002, "--projection-std", 0.1]
WORDS = ("the a red cat dog snow garden night market noodles city song video love best new game team win fast slow "
         "river mountain train music dance light dark door sea").split()
# Names of ours, which are those of transformers 4 -> names of transformers 5, for ViT and ViT-MAE alone.
NEW_NAMES = {"encoder.layer.": "layers.", "attention.attention.query": "attention.q_proj",
             "attention.attention.key": "attention.k_proj", "attention.attention.value": "attention.v_proj",
             "attention.output.dense": "attention.o_proj", "intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2"}


def saved(work, name, model):
    """The model with random weights, from now on in double precision, and the folder that it was saved into."""
    folder = work / f"model-{name}"
    randomise(model, 81).save_pretrained(folder)
    model.set_attn_implementation("sdpa")  # ViT's eager attention takes its softmax in fp32
    return model.double(), folder


def their_name(model, name):
    if model.config.model_type in ("vit", "vit_mae"):
        for ours, theirs in NEW_NAMES.items():
            name = name.replace(ours, theirs)
    return name


def last_states(model, p, prefix, inputs):
    """The encoder's last hidden states [N, T, D]. p: the program's parameters by name."""
    weights = {their_name(model, name[len(prefix):]): tensor for name, tensor in p.items() if name.startswith(prefix)}
    wanted = {name for name, _ in model.named_parameters() if not name.startswith("pooler.")}
    assert set(weights) == wanted, set(weights) ^ wanted
    return torch.func.functional_call(model, weights, (), inputs).last_hidden_state


def projected(p, pooled, is_video=False):
    """[N, D_encoder] -> [N+1, D]; row 0 is padding."""
    vectors = F.linear(pooled, p["items.project.weight"], p["items.project.bias"])
    return F.pad(F.gelu(vectors) if is_video else vectors, (0, 0, 1, 0))


# Texts.
def wordpiece():
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def unigram():
    control = [(piece, 0.0) for piece in ("<s>", "<pad>", "</s>", "<unk>")]
    words = [("\u2581" + word, -1.0 - i) for i, word in enumerate(WORDS)]
    tokenizer = Tokenizer(models.Unigram(control + words, 3, False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    frame = [("<s>", 0), ("</s>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=frame)
    return tokenizer


def write_titles(path, item_ids):
    """Titles shorter and longer than the tower reads."""
    draw = random.Random(11)
    titles = [" ".join(draw.choices(WORDS, k=draw.randrange(1, 12))) for _ in item_ids]
    path.write_text("".join(f"{item},{title}\n" for item, title in zip(item_ids, titles)))
    return titles


def text_tower(model, rows, pooling):
    pad = model.config.pad_token_id
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=pad)
    mask = (ids != pad).long()

    def vectors(p, features):
        states = last_states(model, p, "items.encoder.", {"input_ids": ids, "attention_mask": mask})
        if pooling == "cls":
            return projected(p, states[:, 0])
        return projected(p, (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))
    return vectors


def text_cases(work, item_ids):
    titles = write_titles(work / "titles.csv", item_ids)
    small = dict(**SMALL, vocab_size=64, max_position_embeddings=40)
    xlm = transformers.XLMRobertaConfig(**small, type_vocab_size=1)
    encoders = [("bert", transformers.BertModel(transformers.BertConfig(**small)), wordpiece()),
                ("xlm-roberta", transformers.XLMRobertaModel(xlm), unigram())]
    for kind, model, tokenizer in encoders:
        model, folder = saved(work, kind, model)
        tokenizer.save(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(MAX_TOKENS)
        rows = [encoding.ids for encoding in tokenizer.encode_batch(titles)]
        for pooling in ("cls", "mean"):
            for layers, count in LAYERS.items():
                flags = ["--tower", "text", "--text-model", folder, "--items", work / "titles.csv", "--pooling",
                         pooling, "--max-tokens", MAX_TOKENS, f"--trainable-layers={count}"]
                yield f"tower-{kind}-{pooling}-{layers}", flags + COMMON, text_tower(model, rows, pooling)


# Pictures.
def write_picture(path, rng, squares):
    """A board of (rows, columns) squares: of noise little would be left once it is made smaller."""
    colours = rng.integers(0, 256, (*squares, 3), dtype=numpy.uint8)
    Image.fromarray(colours.repeat(9, 0).repeat(9, 1)).save(path)
    return path


def board_size(rng):
    return rng.integers(4, 8, 2).tolist()


def write_covers(folder, item_ids):
    folder.mkdir()
    rng = numpy.random.default_rng(12)
    return [write_picture(folder / f"{item}.{IMAGE_KIND}", rng, board_size(rng)) for item in item_ids]


def write_frames(folder, item_ids):
    """What extract-frames writes: of each item fewer frames than a clip has, as many, or more. @return the clips"""
    folder.mkdir()
    rng = numpy.random.default_rng(13)
    clips, lines = [], []
    for item in item_ids:
        size, count = board_size(rng), int(rng.integers(2, 9))
        files = [write_picture(folder / f"{item}-{i}.{IMAGE_KIND}", rng, size) for i in range(count)]
        lines.append(json.dumps({"item_id": str(item), "status": "ok", "times_seconds": list(range(count)),
                                 "files": [path.name for path in files]}))
        clips.append([files[(2 * i + 1) * count // (2 * FRAMES)] for i in range(FRAMES)])
    (folder / "frames.jsonl").write_text("".join(line + "\n" for line in lines))
    return clips


def picture_tower(model, pixels):
    kind = model.config.model_type
    inputs = {"pixel_values": pixels.double()}
    if kind == "vit_mae":  # rising noise keeps the patches in their order
        count = (SIDE // PATCH) ** 2
        inputs["noise"] = torch.arange(float(count)).expand(len(pixels), count)

    def vectors(p, features):
        states = last_states(model, p, "items.vision.", inputs)
        is_video = kind == "videomae"
        return projected(p, states.mean(1) if is_video else states[:, 0], is_video)
    return vectors


def picture_encoders():
    """name, model, processor"""
    small = dict(**SMALL, image_size=SIDE, patch_size=PATCH)
    mae = transformers.ViTMAEConfig(**small, mask_ratio=0.0)
    square = {"height": SIDE, "width": SIDE}
    imagenet = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
    yield "vit", transformers.ViTModel(transformers.ViTConfig(**small)), transformers.ViTImageProcessor(size=square)
    yield "vit_mae", transformers.ViTMAEModel(mae), transformers.ViTImageProcessor(size=square, resample=3, **imagenet)
    for name, has_no_norm in (("videomae", False), ("videomae-without-norm", True)):
        config = transformers.VideoMAEConfig(**small, num_frames=FRAMES, use_mean_pooling=has_no_norm)
        processor = transformers.VideoMAEImageProcessor(size={"shortest_edge": SIDE + 4}, crop_size=square)
        yield name, transformers.VideoMAEModel(config), processor


def picture_cases(work, item_ids):
    covers = write_covers(work / "covers", item_ids)
    clips = write_frames(work / "frames", item_ids)
    for kind, model, processor in picture_encoders():
        model, folder = saved(work, kind, model)
        processor.save_pretrained(folder)
        if model.config.model_type == "videomae":
            pictures, given = [opened(clip) for clip in clips], ["--tower", "video", "--frames", work / "frames"]
        else:
            pictures, given = opened(covers), ["--tower", "image", "--covers", work / "covers"]
        tower = picture_tower(model, processor(pictures, return_tensors="pt")["pixel_values"])
        for layers, count in LAYERS.items():
            # The layer behind a video encoder learns at its rate: were it small, so would all gradients be beside the
            # rounding of those that are sums of terms that cancel.
            rate = 0.02 if model.config.model_type == "videomae" else 0.002
            flags = ["--vision-model", folder, f"--trainable-layers={count}", "--vision-lr", rate]
            yield f"tower-{kind}-{layers}", given + flags + COMMON, tower


def cases(work, item_ids):
    """name, flags, and a function of the program's parameters (and features, unused) to the vectors [N+1, D].

    item_ids: of the catalogue's items 1 to N."""
    yield from text_cases(work, item_ids)
    yield from picture_cases(work, item_ids)
