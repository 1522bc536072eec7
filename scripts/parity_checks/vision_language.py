# SPDX-License-Identifier: Apache-2.0
"""Qwen2.5-VL: pixels, window indices, positions, image features and logits, in both name layouts."""
import numpy
import torch
import transformers
from PIL import Image
from transformers.vision_utils import get_vision_cu_seqlens, get_vision_window_index

from .common import (IMAGE_KIND, PIXEL_TOLERANCE, TOLERANCE, check, check_equal, left_padded, opened, probe, random_images,
                     randomise, verdict)

IMAGE, START, END = 151, 153, 154
# one cell; several windows; no multiple of a window; wide; tall and narrow; one window more than whole ones
SIZES = [(56, 56), (140, 140), (300, 420), (97, 211), (616, 84), (252, 224)]


def make_model(tied):
    text = dict(vocab_size=200, hidden_size=64, intermediate_size=112, num_hidden_layers=3, num_attention_heads=4,
                num_key_value_heads=2, max_position_embeddings=4096,
                rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]})
    vision = dict(depth=4, hidden_size=64, intermediate_size=100, num_heads=4, patch_size=14, spatial_merge_size=2,
                  temporal_patch_size=2, window_size=112, out_hidden_size=64, fullatt_block_indexes=[1, 3])
    config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision, image_token_id=IMAGE, video_token_id=152,
                                           vision_start_token_id=START, vision_end_token_id=END, tie_word_embeddings=tied)
    return randomise(transformers.Qwen2_5_VLForConditionalGeneration._from_config(config, attn_implementation="eager"), 11)


def make_processor():
    return transformers.Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=28 * 28 * 200)


def prompt_with(grids, head=(5, 6), tail=(8, 9, 10)):
    """ids in which every image stands between start and end, expanded."""
    ids = list(head)
    for t, h, w in grids.tolist():
        ids += [START] + [IMAGE] * (t * h * w // 4) + [END, 7]
    return ids + list(tail)


def forward(model, ids, batch):
    tensor = torch.tensor([ids])
    model.model.rope_deltas = None  # kept from the call before
    inputs = {} if batch is None else dict(pixel_values=batch["pixel_values"], image_grid_thw=batch["image_grid_thw"],
                                           mm_token_type_ids=(tensor == IMAGE).long())
    with torch.no_grad():
        return model(input_ids=tensor, **inputs).logits[0]


def integer_taps(name, out, model, ids, grids):
    tensor = torch.tensor([ids])
    places, delta = model.model.get_rope_index(tensor, (tensor == IMAGE).long(), image_grid_thw=grids)
    check_equal(name + " mRoPE positions", out["positions"], places[:, 0])
    index, ends = get_vision_window_index(grids, spatial_merge_size=2, window_size=112, patch_size=14)
    check_equal(name + " grids", out["grids"], grids)
    check_equal(name + " window indices", out["window_index"], index)
    check_equal(name + " window ends", out["window_ends"], ends)
    check_equal(name + " frame ends", out["frame_ends"], get_vision_cu_seqlens(grids))


def layouts(work):
    processor = make_processor()
    images = random_images(work, "vl", SIZES)
    batch = processor(images=opened(images), return_tensors="pt")
    grids = batch["image_grid_thw"]
    ids = prompt_with(grids)
    for tied in (False, True):
        model = make_model(tied)
        theirs = forward(model, ids, batch)
        with torch.no_grad():
            features = model.model.visual(batch["pixel_values"], grid_thw=grids).pooler_output
        for old_names in (True, False):
            for sharded in (False, True):
                name = f"qwen2_5_vl-{'old' if old_names else 'new'}-names{'-tied' if tied else ''}{'-sharded' if sharded else ''}"
                folder = work / name
                model.save_pretrained(folder, save_original_format=old_names, **({"max_shard_size": "200KB"} if sharded else {}))
                processor.save_pretrained(folder)
                out = probe(folder, ids, images)
                check(name + " image features", out["image_features"], features)
                check(name + " logits", out["logits"], theirs)
                if name == "qwen2_5_vl-old-names":
                    integer_taps(name, out, model, ids, grids)
                    check_singles(work, folder, model, processor, images)
        if tied:
            folder = work / "qwen2_5_vl-without-head"
            model.model.save_pretrained(folder)
            processor.save_pretrained(folder)
            check(f"{folder.name} logits", probe(folder, ids, images)["logits"], theirs)


def check_singles(work, folder, model, processor, images):
    """Each odd grid alone, and a text without images."""
    for path, size in zip(images, SIZES):
        batch = processor(images=opened([path]), return_tensors="pt")
        ids = prompt_with(batch["image_grid_thw"])
        name = f"qwen2_5_vl {size[0]}x{size[1]} alone"
        out = probe(folder, ids, [path])
        check(name + " logits", out["logits"], forward(model, ids, batch))
        check_equal(name + " window indices", out["window_index"],
                    get_vision_window_index(batch["image_grid_thw"], 2, 112, 14)[0])
    ids = [5, 6, 7, 8, 9, 10]
    out = probe(folder, ids)
    check("qwen2_5_vl text alone logits", out["logits"], forward(model, ids, None))
    check_equal("qwen2_5_vl text alone positions", out["positions"], [list(range(6))] * 3)


def pixels(work):
    """Patches of images that are scaled up, kept, scaled down by little and by much, and stretched."""
    model, processor, folder = make_model(False), make_processor(), work / "qwen2_5_vl-pixels"
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    for height, width in ((20, 33), (43, 43), (112, 84), (300, 420), (1500, 1430), (40, 900)):
        images = random_images(work, f"pixels{height}x{width}-", [(height, width)], seed=height)
        batch = processor(images=opened(images), return_tensors="pt")
        out = probe(folder, prompt_with(batch["image_grid_thw"]), images)
        check(f"qwen2_5_vl {height}x{width} pixels", out["pixel_values"], batch["pixel_values"], PIXEL_TOLERANCE)


def large_image(work):
    """Full HD within the limits of the published files: 1092 x 1932 pixels, of whose windows many are cut off."""
    model, folder = make_model(False), work / "qwen2_5_vl-large-image"
    model.set_attn_implementation("sdpa")
    processor = transformers.Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=12845056)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    images = random_images(work, "full-hd", [(1080, 1920)], seed=10)
    batch = processor(images=opened(images), return_tensors="pt")
    grids = batch["image_grid_thw"]
    ids = prompt_with(grids)
    with torch.no_grad():
        features = model.model.visual(batch["pixel_values"], grid_thw=grids).pooler_output
    out = probe(folder, ids, images)
    integer_taps("qwen2_5_vl 1080x1920", out, model, ids, grids)
    check("qwen2_5_vl 1080x1920 pixels", out["pixel_values"], batch["pixel_values"], PIXEL_TOLERANCE)
    check("qwen2_5_vl 1080x1920 image features", out["image_features"], features,
          max(TOLERANCE, 2e-5 * features.abs().max().item()))


def image_modes(work):
    """Grey, two colours, palettes and what can be seen through, as files: the processor lays the last over white."""
    if IMAGE_KIND != "png":
        print("     SKIPPED qwen2_5_vl image modes: this build reads no PNG")
        return
    processor, folder = make_processor(), work / "qwen2_5_vl-modes"
    make_model(False).save_pretrained(folder)
    processor.save_pretrained(folder)
    noise = numpy.random.default_rng(11).integers(0, 256, (84, 112, 4), dtype=numpy.uint8)
    seen_through = Image.fromarray(noise)
    opaque = seen_through.convert("RGB")
    kinds = {"grey": (opaque.convert("L"), {}), "two-colours": (opaque.convert("1"), {}),
             "alpha": (seen_through, {}), "grey-alpha": (seen_through.convert("LA"), {}),
             "palette": (opaque.quantize(64), {}), "palette-alpha": (opaque.quantize(64), {"transparency": 3})}
    for name, (image, options) in kinds.items():
        path = work / f"mode-{name}.png"
        image.save(path, **options)
        batch = processor(images=[Image.open(path)], return_tensors="pt")
        out = probe(folder, prompt_with(batch["image_grid_thw"]), [path])
        check(f"qwen2_5_vl pixels of a PNG, {name}", out["pixel_values"], batch["pixel_values"], PIXEL_TOLERANCE)


def batches(work):
    """Conversations with images of different sizes: a left-padded batch there, each alone and unpadded here."""
    model, processor, folder = make_model(False), make_processor(), work / "qwen2_5_vl-batch"
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    images = random_images(work, "batch", SIZES, seed=4)
    shown = [images[:1], images[1:4], [], images[4:]]
    rows = []
    for count, paths in enumerate(shown):
        grids = processor(images=opened(paths), return_tensors="pt")["image_grid_thw"] if paths else torch.empty(0, 3)
        rows.append(prompt_with(grids, tuple(range(5, 6 + 3 * count))))
    batch = processor(images=opened(sum(shown, [])), return_tensors="pt")
    ids, mask = left_padded(rows)
    got = torch.cat([probe(folder, row, paths)["logits"] for row, paths in zip(rows, shown)])
    for attention in ("eager", "sdpa"):
        model.set_attn_implementation(attention)
        model.model.rope_deltas = None
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=mask, mm_token_type_ids=(ids == IMAGE).long(), **batch).logits
        check(f"qwen2_5_vl left-padded batch, {attention}", got, logits[mask.bool()])


def tower_blocks(work):
    """The vision tower cut behind each of its blocks: within windows, or over a whole image where fullatt_block_indexes say so."""
    model, processor = make_model(False), make_processor()
    images = random_images(work, "blocks", [(97, 211), (252, 224)], seed=6)
    batch = processor(images=opened(images), return_tensors="pt")
    tower, blocks = model.model.visual, model.model.visual.blocks
    for depth in range(1, len(blocks) + 1):
        tower.blocks = blocks[:depth]
        model.config.vision_config.depth = depth
        folder = work / f"qwen2_5_vl-{depth}-blocks"
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        with torch.no_grad():
            features = tower(batch["pixel_values"], grid_thw=batch["image_grid_thw"]).pooler_output
        got = probe(folder, prompt_with(batch["image_grid_thw"]), images)["image_features"]
        check(f"qwen2_5_vl image features behind block {depth}", got, features)


def large_channel(work):
    """One channel of the patches a thousand times larger: the tower's norms must hold it."""
    model, processor, folder = make_model(False), make_processor(), work / "qwen2_5_vl-large-channel"
    model.model.visual.patch_embed.proj.weight.data[5] *= 1e3
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    images = random_images(work, "large", [(97, 211)], seed=8)
    batch = processor(images=opened(images), return_tensors="pt")
    with torch.no_grad():
        features = model.model.visual(batch["pixel_values"], grid_thw=batch["image_grid_thw"]).pooler_output
    out = probe(folder, prompt_with(batch["image_grid_thw"]), images)
    check("qwen2_5_vl image features, one channel x 1000", out["image_features"], features, 2e-5 * features.abs().max().item())


def bfloat16(work):
    """Root mean square distance from fp32 of the same bf16 weights, as a share: at most 3e-2, and no more than a tenth above
    that of transformers' bf16. (The largest error is of one number in 20,000: that of eager and of sdpa are 1.4 times apart.)"""
    processor, folder = make_processor(), work / "qwen2_5_vl-bf16"
    make_model(False).to(torch.bfloat16).save_pretrained(folder)
    processor.save_pretrained(folder)
    images = random_images(work, "bf16", [(97, 211), (252, 224)], seed=7)
    batch = processor(images=opened(images), return_tensors="pt")
    ids = prompt_with(batch["image_grid_thw"])
    results = {}
    for dtype in (torch.bfloat16, torch.float32):
        model = transformers.Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")
        with torch.no_grad():
            features = model.model.visual(batch["pixel_values"].to(dtype), grid_thw=batch["image_grid_thw"]).pooler_output
        results[dtype] = {"image_features": features.float(), "logits": forward(model, ids, batch).float()}
    out = probe(folder, ids, images, dtype="bfloat16")
    for what in ("image_features", "logits"):
        exact = results[torch.float32][what]
        error, other = (((x - exact).norm() / exact.norm()).item() for x in (out[what], results[torch.bfloat16][what]))
        bound = min(3e-2, 1.1 * other)
        verdict(f"qwen2_5_vl bf16, {what}", error <= bound,
                f"rms_error/rms={error:.2e} bound={bound:.2e} transformers={other:.2e} shape={tuple(exact.shape)}")


GROUPS = (layouts, pixels, large_image, image_modes, batches, tower_blocks, large_channel, bfloat16)
