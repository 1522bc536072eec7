# SPDX-License-Identifier: Apache-2.0
"""CLIP, the BERT family, and the vision towers of the recommender, under the names of 4.x and 5.x files."""
import torch
import transformers
from safetensors.torch import load_file, save_file

from .common import PIXEL_TOLERANCE, check, opened, probe, random_images, randomise


def clip(work):
    config = transformers.CLIPConfig(
        text_config=dict(vocab_size=120, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
                         max_position_embeddings=24, eos_token_id=119, bos_token_id=118, pad_token_id=119),
        vision_config=dict(hidden_size=96, intermediate_size=192, num_hidden_layers=3, num_attention_heads=4, image_size=56, patch_size=14),
        projection_dim=64)
    images = random_images(work, "clip", [(56, 56), (227, 300), (90, 61)], seed=5)
    ids = [[118, 4, 5, 6, 119], [118, 7, 8, 9, 10, 11, 119]]
    padded = torch.tensor([row + [119] * (7 - len(row)) for row in ids])
    for name, activation, shortest in (("clip", "quick_gelu", 56), ("clip-gelu", "gelu", 64)):
        processor = transformers.CLIPImageProcessor(size={"shortest_edge": shortest}, crop_size={"height": 56, "width": 56})
        config.text_config.hidden_act = config.vision_config.hidden_act = activation
        model = randomise(transformers.CLIPModel(config), 21)
        folder = work / name
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        with torch.no_grad():
            text = model.get_text_features(padded).pooler_output
            pixels = processor(images=opened(images), return_tensors="pt")["pixel_values"]
            image = model.get_image_features(pixels).pooler_output
        out = probe(folder, ids, images)
        check(name + " text", out["text_embeds"], text)
        check(name + " pixels", out["pixel_values"], pixels, PIXEL_TOLERANCE)
        check(name + " image", out["image_embeds"], image)
    config.text_config.eos_token_id = 2  # as OpenAI's configs say: the largest id ends a text, and pads may be anything
    model = randomise(transformers.CLIPModel(config), 22)
    folder = work / "clip-largest-id"
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    padded[padded == 119] = 0
    padded[0, 4] = padded[1, 6] = 119
    with torch.no_grad():
        text = model.get_text_features(padded).pooler_output
    check("clip text, eos_token_id 2", probe(folder, ids)["text_embeds"], text)


def berts(work):
    small = dict(vocab_size=150, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=40)
    roberta = dict(**small, pad_token_id=1, type_vocab_size=1)
    cases = [("bert", transformers.BertModel, transformers.BertConfig(**small), 0),
             ("bert-for-masked-lm", transformers.BertForMaskedLM, transformers.BertConfig(**small), 0),
             ("xlm-roberta", transformers.XLMRobertaModel, transformers.XLMRobertaConfig(**roberta), 1),
             ("xlm-roberta-for-masked-lm", transformers.XLMRobertaForMaskedLM, transformers.XLMRobertaConfig(**roberta), 1),
             ("roberta", transformers.RobertaModel, transformers.RobertaConfig(**roberta), 1)]
    for name, kind, config, pad in cases:
        model = randomise(kind(config), 31)
        folder = work / name
        model.save_pretrained(folder)
        ids = [[5, 6, 7, 8, 9], [10, 11, 12]]
        padded = torch.tensor([row + [pad] * (5 - len(row)) for row in ids])
        mask = torch.tensor([[1] * 5, [1] * 3 + [0] * 2])
        with torch.no_grad():
            theirs = model.base_model(padded, attention_mask=mask).last_hidden_state
        real = mask.bool()
        check(name, probe(folder, ids)["last_hidden_state"][real], theirs[real])
        longest = [list(range(2, 42 if pad == 0 else 40))]  # the last position that there is
        with torch.no_grad():
            theirs = model.base_model(torch.tensor(longest)).last_hidden_state
        check(name + f", {len(longest[0])} tokens", probe(folder, longest)["last_hidden_state"], theirs)
        if name == "bert":
            tensors = load_file(folder / "model.safetensors")
            renamed = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v.clone()
                       for k, v in tensors.items()}
            save_file(renamed, folder / "model.safetensors")
            check("bert, norms named gamma and beta", probe(folder, longest)["last_hidden_state"], theirs)


def check_tower(name, folder, images, pixels, model, noise=None):
    with torch.no_grad():
        theirs = model(pixels, **({} if noise is None else {"noise": noise})).last_hidden_state
    out = probe(folder, images=images)
    check(name + " pixels", out["pixel_values"], pixels, PIXEL_TOLERANCE)
    check(name + " hidden states", out["last_hidden_state"], theirs)
    pooled = theirs.mean(1) if model.config.model_type == "videomae" else theirs[:, 0]
    check(name + " pooled", out["pooled"], pooled)


def saved(work, name, model, processor, old_names):
    folder = work / f"{name}-{'old' if old_names else 'new'}-names"
    model.save_pretrained(folder, save_original_format=old_names)
    processor.save_pretrained(folder)
    return folder


def image_towers(work):
    small = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, image_size=56, patch_size=14)
    images = random_images(work, "tower", [(56, 56), (227, 300), (90, 61)], seed=7)
    imagenet = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
    square = transformers.ViTImageProcessor(size={"height": 56, "width": 56})
    bicubic = transformers.ViTImageProcessor(size={"height": 56, "width": 56}, resample=3, **imagenet)
    mae = transformers.ViTMAEConfig(**small, mask_ratio=0.0, decoder_hidden_size=32, decoder_num_attention_heads=2,
                                    decoder_num_hidden_layers=1, decoder_intermediate_size=40)
    cases = [("vit", transformers.ViTModel, transformers.ViTConfig(**small), square),
             ("vit-without-biases", transformers.ViTModel, transformers.ViTConfig(**small, qkv_bias=False), bicubic),
             ("vit-classifier", transformers.ViTForImageClassification, transformers.ViTConfig(**small), square),
             ("vit_mae", transformers.ViTMAEModel, mae, bicubic),
             ("vit_mae-pretraining", transformers.ViTMAEForPreTraining, mae, square)]
    for name, kind, config, processor in cases:
        model = randomise(kind(config), 61)
        pixels = processor(images=opened(images), return_tensors="pt")["pixel_values"]
        # rising noise keeps the patches in their order; a mask ratio of 0 keeps all of them
        noise = torch.arange(16.0).expand(3, 16) if config.model_type == "vit_mae" else None
        for old_names in (True, False):
            folder = saved(work, name, model, processor, old_names)
            check_tower(folder.name, folder, images, pixels, model.base_model, noise)


def video_towers(work):
    small = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, image_size=56, patch_size=14,
                 decoder_hidden_size=32, decoder_num_attention_heads=2, decoder_num_hidden_layers=1, decoder_intermediate_size=40)
    sizes = {"size": {"shortest_edge": 64}, "crop_size": {"height": 56, "width": 56}}
    as_images = transformers.VideoMAEImageProcessor(**sizes)
    as_videos = transformers.VideoMAEVideoProcessor(**sizes, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
    cases = [("videomae", transformers.VideoMAEModel, dict(num_frames=4, use_mean_pooling=False), as_images),
             ("videomae-5-frames", transformers.VideoMAEModel, dict(num_frames=5, use_mean_pooling=True), as_images),
             ("videomae-without-biases", transformers.VideoMAEModel, dict(num_frames=4, qv_bias=False), as_videos),
             ("videomae-pretraining", transformers.VideoMAEForPreTraining, dict(num_frames=4, use_mean_pooling=False), as_videos)]
    for name, kind, more, processor in cases:
        model = randomise(kind(transformers.VideoMAEConfig(**small, **more)), 71)
        clips = [random_images(work, f"{name}-{clip}-", [size] * more["num_frames"], seed=8 + clip)
                 for clip, size in enumerate([(90, 61), (64, 150)])]
        frames = [opened(clip) for clip in clips]
        if processor is as_images:
            pixels = processor(frames, return_tensors="pt")["pixel_values"]
        else:
            pixels = torch.cat([processor(clip, return_tensors="pt")["pixel_values"] for clip in frames])
        for old_names in (True, False):
            folder = saved(work, name, model, processor, old_names)
            check_tower(folder.name, folder, sum(clips, []), pixels, model.base_model)


GROUPS = (clip, berts, image_towers, video_towers)
