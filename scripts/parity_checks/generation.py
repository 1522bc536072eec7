# SPDX-License-Identifier: Apache-2.0
"""Generations, token by token, against transformers' generate().

Greedy answers are compared as they are. In sampling the two programs cannot share random numbers by a seed: transformers
draws a whole batch from one stream (torch.multinomial, whose numbers depend on the batch), ours takes a hash of seed,
prompt, sample and step, so that an answer does not depend on its batch mates. So generate() runs as it is, filters and all, but
with a torch.multinomial that draws by our numbers (inversion of the cumulative sum). Its own stream is not compared.
"""
import contextlib
import json

import torch
import transformers
from tokenizers.pre_tokenizers import ByteLevel

from .common import DEVICE, check, check_equal, left_padded, opened, random_ids, random_images, run, verdict, write_ids
from .language import LLAMA3_ROPE, SMALL, configs, make
from .random_numbers import mix_seed
from .vision_language import IMAGE, make_model, make_processor, prompt_with

FAR = 159  # an id that ends nothing unless it is drawn


def uniform_of(seed, sample, step):
    """The number in [0, 1) that our sampler draws by (engine/decoding/sampler.h) for the first prompt of `inspect generate`."""
    return (mix_seed(mix_seed(seed, 0), sample, step) >> 11) * 2.0**-53


@contextlib.contextmanager
def our_random_numbers(seed, samples):
    """torch.multinomial for rows that are `samples` answers a prompt, by our numbers; the closest draws are kept."""
    step = 0
    margins = []

    def draw(probs, num_samples):
        nonlocal step
        assert num_samples == 1
        cumulative = probs.double().cumsum(-1)
        points = torch.tensor([[uniform_of(seed, row % samples, step)] for row in range(len(probs))], dtype=torch.float64)
        points = points * cumulative[:, -1:]
        margins.append((cumulative - points).abs().min().item())
        step += 1
        return (cumulative <= points).sum(-1, keepdim=True)

    before, torch.multinomial = torch.multinomial, draw
    try:
        yield margins
    finally:
        torch.multinomial = before


def write_tokenizer(folder):
    """One token a byte: `inspect generate` wants a tokenizer to print texts with."""
    vocabulary = {symbol: i for i, symbol in enumerate(sorted(ByteLevel.alphabet()))}
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "added_tokens": [], "normalizer": None, "post_processor": None, "truncation": None, "padding": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []}}))


def set_stops(folder, stops):
    """These alone end an answer; `inspect generate` would heed config.json too."""
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": stops}))
    config = json.loads((folder / "config.json").read_text())
    config.pop("eos_token_id", None)
    (folder / "config.json").write_text(json.dumps(config))


def ours(folder, rows, images=(), **flags):
    """What `inspect generate` prints, one dictionary a sample."""
    command = ["inspect", "generate", "--model", folder, "--ids", write_ids(folder, rows), "--json", "--device", DEVICE]
    if images:
        command += ["--images", ",".join(map(str, images))]
    for key, value in flags.items():
        command += ["--" + key.replace("_", "-"), value]
    return [json.loads(line) for line in run(command).splitlines()]


def theirs(model, rows, stops, max_tokens, samples=1, **more):
    """Ids of each answer up to its stop token, and the raw logits behind each of them."""
    ids, mask = left_padded(rows)
    if "mm_token_type_ids" in more:
        more["mm_token_type_ids"] = (ids == IMAGE).long()
        model.model.rope_deltas = None
    with torch.no_grad():
        out = model.generate(ids, attention_mask=mask, max_new_tokens=max_tokens, eos_token_id=stops, pad_token_id=0,
                             num_return_sequences=samples, return_dict_in_generate=True, output_logits=True, **more)
    answers = []
    for row, answer in enumerate(out.sequences[:, ids.shape[1]:].tolist()):
        end = next((i + 1 for i, token in enumerate(answer) if token in stops), len(answer))
        answers.append((answer[:end], torch.stack([step[row] for step in out.logits[:end]])))
    return answers


def compare(name, got, wanted, temperature=1.0):
    check_equal(name + " ids", [sample["ids"] for sample in got], [ids for ids, _ in wanted])
    if [sample["ids"] for sample in got] == [ids for ids, _ in wanted]:
        log_probs = [(logits / temperature).log_softmax(-1).gather(1, torch.tensor(ids)[:, None])[:, 0] for ids, logits in wanted]
        check(name + " log-probs", torch.tensor(sum((sample["log_probs"] for sample in got), [])), torch.cat(log_probs))


def stops_within(answers):
    """Two ids that end some answers early, at different steps."""
    return sorted({answers[0][0][len(answers[0][0]) // 2], answers[-1][0][len(answers[-1][0]) // 4]})


def greedy(work):
    for seed, (name, config, save) in enumerate(configs()):
        model, folder = make(work, name + "-generate", config, save, 80 + seed)
        write_tokenizer(folder)
        rows = [random_ids(count, 81 + count) for count in (40, 3, 77, 12)]
        set_stops(folder, [FAR])
        wanted = theirs(model, rows, [FAR], 48, do_sample=False)
        compare(name + " greedy, 4 prompts", ours(folder, rows, max_tokens=48), wanted)
        stops = stops_within(wanted)
        set_stops(folder, stops)
        wanted = theirs(model, rows, stops, 48, do_sample=False)
        verdict(name + " greedy: answers end at different steps", len({len(ids) for ids, _ in wanted}) > 1,
                f"lengths={[len(ids) for ids, _ in wanted]}")
        got = ours(folder, rows, max_tokens=48)
        compare(name + " greedy with stops", got, wanted)
        check_equal(name + " greedy, why answers end", [sample["finish_reason"] for sample in got],
                    ["stop" if ids[-1] in stops else "length" for ids, _ in wanted])


def conversations(processor, work):
    """Three prompts with 1, 2 and no images: a left-padded batch there, one call a prompt here. What generate() takes too."""
    paths = random_images(work, "generate", [(56, 84), (140, 97), (300, 211)], seed=9)
    prompts = []
    for images, head in ((paths[:1], (5, 6)), (paths[1:], (5, 6, 7, 8)), ([], (5, 9))):
        grids = processor(images=opened(images), return_tensors="pt")["image_grid_thw"] if images else None
        prompts.append((prompt_with(grids, head) if images else list(head) + random_ids(20, 92), images))
    shown = processor(images=opened(paths), return_tensors="pt")
    return prompts, dict(mm_token_type_ids=None, pixel_values=shown["pixel_values"], image_grid_thw=shown["image_grid_thw"])


def vision_folder(work, name, tied, processor):
    model = make_model(tied)
    folder = work / name
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    write_tokenizer(folder)
    set_stops(folder, [FAR])
    return model, folder


def vision_greedy(work):
    processor = make_processor()
    prompts, inputs = conversations(processor, work)
    for tied in (False, True):
        model, folder = vision_folder(work, f"qwen2_5_vl-generate{'-tied' if tied else ''}", tied, processor)
        got = [ours(folder, ids, images, max_tokens=32)[0] for ids, images in prompts]
        wanted = theirs(model, [ids for ids, _ in prompts], [FAR], 32, do_sample=False, **inputs)
        compare(f"{folder.name} greedy, 3 prompts with images", got, wanted)


SAMPLING = [dict(temperature=1.0), dict(temperature=0.7, top_k=20, top_p=0.8), dict(temperature=1.5, top_p=0.95, min_p=0.05),
            dict(temperature=1.2, top_k=50, repetition_penalty=1.3), dict(temperature=0.9, min_p=0.2)]


def penalised(ids, logits, prompt, penalty):
    """Raw logits as the repetition penalty changes them: our log-probs are those of what is drawn from."""
    rows = []
    for step, row in enumerate(logits):
        seen = torch.tensor([prompt + ids[:step]])
        rows.append(transformers.RepetitionPenaltyLogitsProcessor(penalty)(seen, row[None].clone())[0])
    return torch.stack(rows)


def sampled(work):
    """Every way of sampling with one architecture, and two ways that meet all filters but min_p with the others."""
    for name, config, ways in (("qwen2", transformers.Qwen2Config(**SMALL, tie_word_embeddings=True), SAMPLING),
                               ("llama3-rope", transformers.LlamaConfig(**SMALL, rope_parameters=LLAMA3_ROPE), SAMPLING[1:4:2]),
                               ("qwen3", transformers.Qwen3Config(**SMALL, head_dim=24, tie_word_embeddings=False), SAMPLING[1:4:2])):
        model, folder = make(work, name + "-sampled", config, {}, 95)
        write_tokenizer(folder)
        prompt = random_ids(30, 96)
        for seed, options in enumerate(ways):
            sample(name, model, folder, prompt, seed, options)
        if name == "qwen2":
            greedy_penalty(model, folder, prompt)


def sample(name, model, folder, prompt, seed, options):
    """Four answers to a prompt, of which some end early."""
    options_there = {"top_k": 0, **options}
    set_stops(folder, [FAR])
    with our_random_numbers(seed, 4):
        stops = stops_within(theirs(model, [prompt], [FAR], 24, 4, do_sample=True, **options_there))
    set_stops(folder, stops)
    with our_random_numbers(seed, 4) as margins:
        wanted = theirs(model, [prompt], stops, 24, 4, do_sample=True, **options_there)
    penalty = options.get("repetition_penalty", 1.0)
    if penalty != 1.0:
        wanted = [(ids, penalised(ids, logits, prompt, penalty)) for ids, logits in wanted]
    got = ours(folder, prompt, seed=seed, num_samples=4, max_tokens=24, **options)
    name = described(name, options)
    compare(name, got, wanted, options["temperature"])
    tell_margin(name, margins)


def described(name, options):
    return f"{name} sampled, " + ", ".join(f"{key} {value}" for key, value in options.items())


def tell_margin(name, margins):
    if min(margins) < 1e-7:
        print(f"     {name}: a draw lay within {min(margins):.1e} of another token")


def vision_sampled(work):
    """Two answers to each of several conversations with images of different sizes."""
    processor = make_processor()
    prompts, inputs = conversations(processor, work)
    model, folder = vision_folder(work, "qwen2_5_vl-sampled", False, processor)
    for seed, options in enumerate(SAMPLING[1:3]):
        with our_random_numbers(seed, 2) as margins:
            wanted = theirs(model, [ids for ids, _ in prompts], [FAR], 16, 2, do_sample=True, **{"top_k": 0, **options}, **inputs)
        got = sum((ours(folder, ids, images, seed=seed, num_samples=2, max_tokens=16, **options) for ids, images in prompts), [])
        name = described("qwen2_5_vl", options)
        compare(name, got, wanted, options["temperature"])
        tell_margin(name, margins)


def greedy_penalty(model, folder, prompt):
    set_stops(folder, [FAR])
    wanted = theirs(model, [prompt], [FAR], 40, do_sample=False, repetition_penalty=1.3)
    wanted = [(ids, penalised(ids, logits, prompt, 1.3)) for ids, logits in wanted]
    compare("qwen2 greedy, repetition_penalty 1.3", ours(folder, prompt, max_tokens=40, repetition_penalty=1.3), wanted)


GROUPS = (greedy, vision_greedy, sampled, vision_sampled)
