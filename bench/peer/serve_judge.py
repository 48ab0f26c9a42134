#!/usr/bin/env python
"""A judge's server that nobody here wrote: transformers' own OpenAI-compatible one, with a Qwen2.5-VL of random weights.

  bench/peer/serve_judge.py FOLDER [--port 8009]

Writes the model into FOLDER/tiny-qwen2.5-vl (0.3 MB; the config, processor and chat format of the real one made small, a
byte-level tokenizer trained on the lines below) and runs `transformers serve` on 127.0.0.1 until it is stopped. Its
replies are noise: what a client makes of them is the point. Needs bench/peer/setup.sh --serve.
"""
import argparse
import os
import sys
from pathlib import Path

NAME = "tiny-qwen2.5-vl"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
           "<|image_pad|>", "<|video_pad|>"]
TEXTS = [
    "You judge how well a picture was edited. The first picture is the original, the second one is what came of it.",
    'Reply with JSON alone: {"reasoning": "one or two short sentences", "score": [10, 0]}',
    "Give two scores, whole numbers from 0 to 10: 0 1 2 3 4 5 6 7 8 9 10. Answer with one word, yes or no.",
]
CHAT = """{% for message in messages %}<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}\
{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% elif part['type'] == 'text' %}\
{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def load_torchvision():
    """Lets torchvision load beside a torch for CPUs, where its compiled half, made for CUDA, does not. Qwen's processors
    need only its Python half, which stops at two operators that nobody declared, and the reading of pictures, which
    Pillow does instead. Returns what has to be kept for it."""
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for operator in "nms", "qnms":
            library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision.io

        torchvision.io.decode_image = read_picture
        return library
    return None


def read_picture(data, mode=None):
    import io

    import numpy
    import torch
    from PIL import Image

    with Image.open(io.BytesIO(data.numpy().tobytes())) as image:
        return torch.from_numpy(numpy.array(image.convert("RGB"))).permute(2, 0, 1)


def tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet))
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|im_end|>", pad_token="<|endoftext|>",
                                   chat_template=CHAT)


def write_model(folder):
    import torch
    from transformers import (Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor,
                              Qwen2VLImageProcessor, Qwen2VLVideoProcessor)

    words = tokenizer()
    ids = {token: words.convert_tokens_to_ids(token) for token in SPECIAL}
    config = Qwen2_5_VLConfig(
        text_config=dict(
            vocab_size=len(words), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=32768, bos_token_id=ids["<|endoftext|>"],
            eos_token_id=ids["<|im_end|>"], pad_token_id=ids["<|endoftext|>"],
            rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]}),
        vision_config=dict(depth=2, hidden_size=64, intermediate_size=128, num_heads=4, out_hidden_size=64,
                           fullatt_block_indexes=[1]),
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"])
    torch.manual_seed(0)
    model = Qwen2_5_VLForConditionalGeneration(config)
    # What nobody may sample: a picture's place in an answer.
    model.generation_config.suppress_tokens = [ids[token] for token in SPECIAL if token != "<|im_end|>"]
    model.generation_config.do_sample = True
    model.save_pretrained(folder)
    Qwen2_5_VLProcessor(image_processor=Qwen2VLImageProcessor(), tokenizer=words,
                        video_processor=Qwen2VLVideoProcessor(), chat_template=CHAT).save_pretrained(folder)
    print(f"{folder}: {sum(each.numel() for each in model.parameters())} parameters, {len(words)} tokens", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=8009)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    # The server looks for further models in the user's cache, and on the hub; neither is meant here.
    cache = options.folder.resolve() / "hub"
    cache.mkdir(exist_ok=True)
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache), "OMP_NUM_THREADS": "1",
                   "TRANSFORMERS_VERBOSITY": "error"}
    os.chdir(options.folder)
    kept = load_torchvision()  # noqa: F841
    if not Path(NAME, "processor_config.json").exists():
        write_model(NAME)
    # The name of the folder is the name of the model.
    sys.argv = ["transformers", "serve", NAME, "--device", "cpu", "--host", "127.0.0.1", "--port", str(options.port)]
    from transformers.cli.transformers import main as transformers

    transformers()


if __name__ == "__main__":
    main()
