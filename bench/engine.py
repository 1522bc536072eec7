#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Inference against transformers (and llama.cpp, where the package xllamacpp is installed), side by side.

bench/run.sh engine [CASE ...]    cases: samples prompts single group minilm clip vision load kernels
VRAGENT_BENCH_TITLES=N: only so many titles in minilm.
VRAGENT_BENCH_DEVICE=cuda: samples, prompts, single, group and kernels compute there, ours and theirs; llama.cpp is left out.
Same weights, dtype and threads; logits are compared before anything is timed.
"""
import json
import os
import pathlib
import random
import subprocess
import sys

import torch
import transformers

from side_by_side import DRIVER, ROOT, Driver, check_close, machine, take_turns, timed

THREADS = 2
DEVICE = os.environ.get("VRAGENT_BENCH_DEVICE", "cpu")
MODELS = ROOT / "models"
WORK = ROOT / "build" / "bench-models"
torch.set_num_threads(THREADS)


def smollm2(dtype=torch.bfloat16):
    return transformers.AutoModelForCausalLM.from_pretrained(MODELS / "SmolLM2-135M-Instruct", dtype=dtype).eval().to(DEVICE)


def random_ids(count, length, vocabulary, seed=1):
    draw = random.Random(seed)
    return [[draw.randrange(1000, vocabulary) for _ in range(length)] for _ in range(count)]


def hf_generate(model, rows, new_tokens, samples=1, stop_ids=None, greedy=False):
    """Left-padded batch; returns the number of tokens written (the first stop among them)."""
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    options = dict(max_new_tokens=new_tokens, do_sample=not greedy, num_return_sequences=samples, pad_token_id=0,
                   eos_token_id=stop_ids if stop_ids else -1)
    if not greedy:
        options.update(temperature=1.0, top_k=0, top_p=1.0)
    with torch.no_grad():
        out = model.generate(ids.to(DEVICE), attention_mask=mask.to(DEVICE), **options)[:, longest:]
    if not stop_ids:
        return out.numel()
    total = 0
    for row in out.tolist():
        stops = [i for i, token in enumerate(row) if token in stop_ids]
        total += stops[0] + 1 if stops else len(row)
    return total


def check_logits(driver, model, ids, tolerance):
    with torch.no_grad():
        theirs = model(torch.tensor([ids], device=DEVICE)).logits[0, -1].double().tolist()
    check_close("logits of the last token", driver("last_logits", ids=ids)["logits"], theirs, tolerance)


def weight_bytes(folder):
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def print_share(what, reached, roof, unit):
    print(f"  {what}: {reached:.1f} of {roof:.1f} {unit} that this machine reaches in this run: {reached / roof:.0%}", flush=True)


def print_read_share(driver, folder, steps_a_second):
    print_share("weights read", weight_bytes(folder) * steps_a_second / 1e9, driver("roof")["bytes"] / 1e9, "GB/s")


def linear_operations(module):
    """Operations of a token in the linear layers of a module."""
    return sum(2 * layer.weight.numel() for layer in module.modules() if isinstance(layer, torch.nn.Linear))


def print_product_share(driver, operations_a_second):
    print_share("products with weights", operations_a_second / 1e12, driver("roof")["flops"] / 1e12, "TFLOP/s")


def case_samples():
    model = smollm2()
    driver = Driver("language", MODELS / "SmolLM2-135M-Instruct")
    (prompt,) = random_ids(1, 84, 49000)
    check_logits(driver, model, prompt, 0.5)

    def ours():
        answer = driver("generate", prompts=[prompt], num_samples=16, max_tokens=100)
        return answer["seconds"], answer["tokens"]

    def theirs():
        return timed(lambda: hf_generate(model, [prompt], 100, samples=16))

    rate = take_turns("SmolLM2 bf16, 1 prompt x 16 samples, 84 + 100", ours, {"transformers": theirs}, 4, unit="tokens/s")
    print_read_share(driver, MODELS / "SmolLM2-135M-Instruct", rate / 16)
    driver.close()


def case_prompts():
    model = smollm2()
    driver = Driver("language", MODELS / "SmolLM2-135M-Instruct")
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODELS / "SmolLM2-135M-Instruct")
    draw = random.Random(3)
    subjects = ["a red cat", "the ocean at night", "learning to cook", "an old bicycle", "snow in the city", "my first robot"]
    rows = []
    for i in range(16):
        words = " ".join(draw.choice(subjects) for _ in range(2 + 9 * (i % 6)))
        text = tokenizer.apply_chat_template([{"role": "user", "content": f"Write about {words}."}], tokenize=False,
                                             add_generation_prompt=True)
        rows.append(tokenizer(text)["input_ids"])
    stops = [tokenizer.eos_token_id, tokenizer("\n")["input_ids"][0], tokenizer("\n\n")["input_ids"][0]]

    def ours():
        answer = driver("generate", prompts=rows, max_tokens=160, temperature=0.0, stop_ids=stops)
        return answer["seconds"], answer["tokens"]

    def theirs():
        return timed(lambda: hf_generate(model, rows, 160, stop_ids=stops, greedy=True))

    check_logits(driver, model, rows[-1], 0.5)
    print(f"prompts of {min(map(len, rows))} to {max(map(len, rows))} tokens")
    rate = take_turns("SmolLM2 bf16, 16 prompts, mixed lengths", ours, {"transformers": theirs}, 4, unit="tokens/s")
    print_read_share(driver, MODELS / "SmolLM2-135M-Instruct", rate / 16)
    driver.close()


def qwen_half():
    """A folder with random weights in the shape of Qwen2.5-0.5B."""
    folder = WORK / "qwen2.5-0.5b-shape"
    if not (folder / "model.safetensors").exists():
        torch.manual_seed(0)
        config = transformers.Qwen2Config(vocab_size=151936, hidden_size=896, intermediate_size=4864, num_hidden_layers=24,
                                          num_attention_heads=14, num_key_value_heads=2, rope_theta=1e6,
                                          max_position_embeddings=32768, tie_word_embeddings=True, rms_norm_eps=1e-6)
        transformers.Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


class LlamaCpp:
    """llama.cpp's server inside this process, over the same weights as a bf16 GGUF; None where it is not installed."""

    @staticmethod
    def of(folder, parallel):
        if DEVICE != "cpu":
            return None
        try:
            import xllamacpp
        except ImportError:
            print("xllamacpp is not installed: llama.cpp's rows are left out")
            return None
        return LlamaCpp(xllamacpp, folder, parallel)

    def __init__(self, xllamacpp, folder, parallel):
        from gguf_of_qwen import write_gguf
        path = folder / "model.bf16.gguf"
        if not path.exists():
            write_gguf(folder, path)
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx, params.n_parallel, params.n_batch, params.warmup = 1024 * parallel, parallel, 512, True
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
        params.kv_unified = True
        params.verbosity = -1
        self.server = xllamacpp.Server(params)
        print("llama.cpp as the wheel of xllamacpp was built:", xllamacpp.get_system_info())

    def ask(self, prompt, new_tokens, cached=False):
        """Its own timings of one answer."""
        answer = self.server.handle_completions({"prompt": prompt, "n_predict": new_tokens, "ignore_eos": True, "cache_prompt": cached,
                                                 "temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0})
        return (json.loads(answer) if isinstance(answer, (str, bytes)) else answer)["timings"]

    def ask_together(self, prompt, new_tokens, count):
        """The same prompt in so many slots, batched; the prompt is in the cache of each after the first round."""
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(lambda _: self.ask(prompt, new_tokens, cached=True), range(count)))


def case_single():
    folder = qwen_half()
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval().to(DEVICE)
    driver = Driver("language", folder)
    (prompt,) = random_ids(1, 512, 151000)
    check_logits(driver, model, prompt, 0.1)

    def writing(new_tokens):
        def ours():
            answer = driver("generate", prompts=[prompt], max_tokens=new_tokens)
            return answer["seconds"], new_tokens
        return ours

    def theirs():
        return timed(lambda: hf_generate(model, [prompt], 64))

    take_turns("0.5B shape bf16, one sequence, 512 + 64", writing(64), {"transformers": theirs}, 2, unit="tokens/s")

    def our_prefill():
        return driver("last_logits", ids=prompt)["seconds"], 512

    def our_decode():
        whole = driver("generate", prompts=[prompt], max_tokens=64)["seconds"]
        first = driver("generate", prompts=[prompt], max_tokens=1)["seconds"]
        return whole - first, 63

    peers = ({}, {})
    if (peer := LlamaCpp.of(folder, 1)) is not None:
        peers = ({"llama.cpp": lambda: (peer.ask(prompt, 1)["prompt_ms"] / 1000, 512)},
                 {"llama.cpp": lambda: (peer.ask(prompt, 64)["predicted_ms"] / 1000, 64)})
    rate = take_turns("0.5B shape bf16, prefill of 512", our_prefill, peers[0], 1, unit="tokens/s")
    operations = 2 * (weight_bytes(folder) / 2 - 151936 * 896)  # of a token: each weight but the embedding's
    print_product_share(driver, rate * operations)
    rate = take_turns("0.5B shape bf16, decode at 512", our_decode, peers[1], 1, unit="tokens/s")
    print_read_share(driver, folder, rate)
    driver.close()


def case_group():
    folder = qwen_half()
    driver = Driver("language", folder)
    (prompt,) = random_ids(1, 512, 151000)

    def ours():
        answer = driver("generate", prompts=[prompt], num_samples=16, max_tokens=64)
        return answer["seconds"], answer["tokens"]

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval().to(DEVICE)
    check_logits(driver, model, prompt, 0.1)
    peers = {"transformers": lambda: timed(lambda: hf_generate(model, [prompt], 64, samples=16))}
    peer = LlamaCpp.of(folder, 16)
    if peer is not None:
        peers["llama.cpp, 16 slots"] = lambda: (timed(lambda: peer.ask_together(prompt, 64, 16))[0], 16 * 64)
    rate = take_turns("0.5B shape bf16, 16 samples, 512 + 64", ours, peers, 2, unit="tokens/s")
    print_read_share(driver, folder, rate / 16)
    driver.close()


def titles_file():
    """MicroLens' titles where they are, else made-up ones of the same lengths."""
    shared = pathlib.Path(os.environ.get("VRAGENT_SHARED", ROOT.parent / "shared")) / "data/microlens-50k/MicroLens-50k_titles.csv"
    path = WORK / "titles.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    if shared.exists():
        import csv
        with open(shared, encoding="utf-8-sig", newline="") as file:
            titles = [row[1] for row in list(csv.reader(file))[1:]]
    else:
        print("no MicroLens titles here: made-up ones of like length")
        words = "the a red cat video how to make love you are my best new song in city night snow game".split()
        draw = random.Random(1)
        titles = [" ".join(draw.choice(words) for _ in range(draw.randrange(4, 40))) for _ in range(19220)]
    titles = [title.replace("\n", " ") for title in titles[:int(os.environ.get("VRAGENT_BENCH_TITLES", len(titles)))]]
    path.write_text("\n".join(titles) + "\n", encoding="utf-8")
    return path, titles


def case_minilm():
    folder = MODELS / "all-MiniLM-L6-v2"
    path, titles = titles_file()
    for dtype, name in ((torch.float32, "float32"), (torch.bfloat16, "bfloat16")):
        model = transformers.AutoModel.from_pretrained(folder, dtype=dtype).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

        def embed(batch, sort=True, texts=titles):
            order = sorted(range(len(texts)), key=lambda i: -len(texts[i])) if sort else range(len(texts))
            order, result = list(order), [None] * len(texts)
            with torch.no_grad():
                for begin in range(0, len(texts), batch):
                    chosen = order[begin:begin + batch]
                    inputs = tokenizer([texts[i] for i in chosen], padding=True, truncation=True, max_length=256, return_tensors="pt")
                    states = model(**inputs).last_hidden_state
                    mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)
                    means = (states * mask).sum(1) / mask.sum(1)
                    for row, i in enumerate(chosen):
                        result[i] = means[row]
            return result

        # sentence-transformers sorts by length too; its best batch size is looked for first.
        times = {batch: timed(lambda b=batch: embed(b, texts=titles[:2000]))[0] for batch in (16, 32, 64, 128)}
        best = min(times, key=times.get)
        driver = Driver("text", folder, name)
        first = driver("embed", file=str(path))
        check_close(f"MiniLM {name}, first title", first["first"], embed(8, texts=titles[:8])[0].double().tolist(),
                    1e-4 if dtype == torch.float32 else 0.05)

        def ours():
            return driver("embed", file=str(path))["seconds"], len(titles)

        def theirs():
            return timed(lambda: embed(best))[0], len(titles)

        rate = take_turns(f"{len(titles)} titles through MiniLM, {name}", ours, {f"transformers, batch {best}": theirs}, 1.5,
                          unit="titles/s")
        tokens = sum(map(len, tokenizer(titles, truncation=True, max_length=256)["input_ids"])) / len(titles)
        print_product_share(driver, rate * tokens * linear_operations(model.encoder))
        driver.close()


def case_clip():
    folder = WORK / "clip-vit-b32-shape"
    if not (folder / "model.safetensors").exists():
        torch.manual_seed(0)
        transformers.CLIPModel(transformers.CLIPConfig()).save_pretrained(folder)
    ids = [[49406] + row + [49407] for row in random_ids(512, 20, 49000)]
    for dtype, name in ((torch.float32, "float32"), (torch.bfloat16, "bfloat16")):
        model = transformers.CLIPModel.from_pretrained(folder, dtype=dtype).eval()
        pixels = torch.sin(torch.arange(512 * 3 * 224 * 224) * 0.37).view(512, 3, 224, 224).to(dtype)
        inputs = torch.tensor(ids)

        def theirs(batch=64):
            def run():
                with torch.no_grad():
                    images = [model.get_image_features(pixel_values=part) for part in pixels.split(batch)]
                    texts = [model.get_text_features(input_ids=part) for part in inputs.split(batch)]
                return images, texts
            return timed(run)

        driver = Driver("clip", folder, name)
        answer = driver("clip", images=512, ids=ids)
        _, (images, texts) = theirs()
        vector = lambda x: (x if torch.is_tensor(x) else x.pooler_output)[0].double().tolist()
        tolerance = 1e-4 if dtype == torch.float32 else 0.1
        check_close(f"CLIP {name}, image vector", answer["image"], vector(images[0]), tolerance)
        check_close(f"CLIP {name}, text vector", answer["text"], vector(texts[0]), tolerance)
        rate = take_turns(f"CLIP ViT-B/32 shape, 512 frames + titles, {name}",
                          lambda: (driver("clip", images=512, ids=ids)["seconds"], 1024),
                          {"transformers": lambda: (theirs()[0], 1024)}, 1.2, unit="inputs/s")
        work = 50 * linear_operations(model.vision_model.encoder) + len(ids[0]) * linear_operations(model.text_model.encoder)
        print_product_share(driver, rate / 2 * work)
        driver.close()


def vision_folder(name, hidden, heads, intermediate, depth, text_hidden, text_layers):
    """A folder with random weights in Qwen2.5-VL's layout."""
    folder = WORK / f"qwen2.5-vl-{name}"
    if not (folder / "model.safetensors").exists():
        torch.manual_seed(0)
        text = dict(vocab_size=151936, hidden_size=text_hidden, intermediate_size=5 * text_hidden, num_hidden_layers=text_layers,
                    num_attention_heads=text_hidden // 128, num_key_value_heads=max(1, text_hidden // 1024), tie_word_embeddings=True,
                    rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]})
        vision = dict(depth=depth, hidden_size=hidden, num_heads=heads, intermediate_size=intermediate, out_hidden_size=text_hidden,
                      fullatt_block_indexes=[depth - 1])
        config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True)
        transformers.Qwen2_5_VLForConditionalGeneration(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def case_vision():
    images, side = 5, 448 // 14
    merged = (side // 2) ** 2
    shapes = {"tiny": (128, 4, 256, 4, 256, 2), "3b-blocks": (1280, 16, 3420, 4, 2048, 2)}
    for name, shape in shapes.items():
        folder = vision_folder(name, *shape)
        for dtype, type_name in ((torch.float32, "float32"), (torch.bfloat16, "bfloat16")):
            model = transformers.Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=dtype).eval()
            config = model.config
            (words,) = random_ids(1, 40, 151000)
            start, pad, end = config.vision_start_token_id, config.image_token_id, config.vision_end_token_id
            short = words[:20] + [start, pad, end] * images + words[20:]
            whole = words[:20] + ([start] + [pad] * merged + [end]) * images + words[20:]
            pixels = torch.sin(torch.arange(images * side * side * 1176) * 0.37).view(-1, 1176).to(dtype)
            inputs = dict(input_ids=torch.tensor([whole]), attention_mask=torch.ones(1, len(whole), dtype=torch.long),
                          pixel_values=pixels, image_grid_thw=torch.tensor([[1, side, side]] * images),
                          mm_token_type_ids=torch.tensor([[int(token == pad) for token in whole]]), logits_to_keep=1)

            def theirs():
                with torch.no_grad():
                    return model(**inputs).logits[0, -1]

            driver = Driver("vision", folder, type_name)
            job = lambda: driver("vision", images=images, patches_a_side=side, ids=short)
            check_close(f"Qwen2.5-VL {name} {type_name}, last logits", job()["logits"], theirs().double().tolist(),
                        1e-4 if dtype == torch.float32 else 0.1)
            rate = take_turns(f"Qwen2.5-VL {name}, 5 images of 448, {type_name}", lambda: (job()["seconds"], images),
                              {"transformers": lambda: (timed(theirs)[0], images)}, 1.2, unit="images/s")
            work = side**2 * linear_operations(model.model.visual.blocks) + len(whole) / images * linear_operations(
                model.model.language_model)
            print_product_share(driver, rate * work)
            driver.close()


def case_kernels():
    """The operations of a decoding step, each against the machine's own limit: no peer."""
    driver = Driver("kernels", "-", "bfloat16" if DEVICE != "cpu" else os.environ.get("VRAGENT_BENCH_DTYPE", "bfloat16"))
    roof = driver("roof")
    print(f"limits: {roof['bytes'] / 1e9:.0f} GB/s read, {roof['flops'] / 1e12:.2f} TFLOP/s")

    def show(what, answer):
        shares = f"{answer['bytes'] / answer['seconds'] / roof['bytes']:5.0%} of reading"
        if "operations" in answer:
            shares += f", {answer['operations'] / answer['seconds'] / roof['flops']:5.0%} of products"
        print(f"  {what:58} {answer['seconds'] * 1e6:10.1f} us  {shares}", flush=True)

    # Qwen2.5-7B's heads: 28 of 128, 4 of them with keys and values. On a CPU one sixteenth of the rows.
    heads = dict(heads=28, kv_heads=4, width=128)
    groups = 16 if DEVICE != "cpu" else 1
    for prefix in (400, 1024, 2048):
        for own in (64, 512):
            for fused in (True, False) if DEVICE != "cpu" else (True,):
                show(f"attention, {groups} prefixes of {prefix}, 16 answers of {own}{'' if fused else ', in steps'}",
                     driver("attention", groups=groups, samples=16, prefix=prefix, own=own, fused=fused, **heads))
    products = {"qkv": (3584, 4608), "out": (3584, 3584), "gate and up": (3584, 37888), "down": (18944, 3584), "head": (3584, 152064)}
    for name, (inputs, outputs) in products.items():
        for rows in (1, 4, 16, 64, 256):
            show(f"product, {name}, {rows} x {inputs} x {outputs}", driver("product", rows=rows, **{"in": inputs, "out": outputs}))
    for rows in (16, 256) if DEVICE != "cpu" else (16,):
        show(f"draw, {rows} rows of 152064", driver("draw", rows=rows, vocabulary=152064))
    driver.close()


def seconds_and_peak(command):
    """Seconds that the command's last line tells, and its peak resident memory in MB."""
    script = ("import resource, subprocess, sys; out = subprocess.check_output(sys.argv[1:], stdin=subprocess.DEVNULL, text=True); "
              "print(out.strip().splitlines()[-1]); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)")
    out = subprocess.check_output([sys.executable, "-c", script, *map(str, command)], text=True).strip().splitlines()
    return json.loads(out[-2])["load_seconds"], float(out[-1])


def case_load():
    """The 0.5B shape holds 988 MB of bf16 weights; the page cache is warm after the first round."""
    folder = qwen_half()
    weights = (folder / "model.safetensors").stat().st_size / 2**20
    peer = ("import time, torch, transformers; begin = time.perf_counter(); "
            f"transformers.AutoModelForCausalLM.from_pretrained({str(folder)!r}, dtype=torch.bfloat16); "
            "print('{\"load_seconds\":', time.perf_counter() - begin, '}')")
    peaks = {"vragent": [], "transformers": []}

    def run(who, command):
        seconds, peak = seconds_and_peak(command)
        peaks[who].append(peak)
        return seconds, weights

    take_turns("loading 0.5B shape, bf16", lambda: run("vragent", [DRIVER, "weights", folder, "bfloat16", THREADS]),
               {"transformers": lambda: run("transformers", [sys.executable, "-c", peer])}, 1, unit="MB/s")
    for who, values in peaks.items():
        print(f"peak memory, {who}: {max(values):.0f} MB; the weights are {weights:.0f} MB")
    print(f"beyond the weights: {max(peaks['vragent']) - weights:.0f} MB, target 200: {'met' if max(peaks['vragent']) - weights <= 200 else 'MISSED'}")


CASES = {name[len("case_"):]: function for name, function in list(globals().items()) if name.startswith("case_")}

if __name__ == "__main__":
    print(f"transformers {transformers.__version__}, torch {torch.__version__}, {machine()}")
    for name in sys.argv[1:] or CASES:
        CASES[name]()
