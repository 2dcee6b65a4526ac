"""Write the tiny checkpoint of these tests with PyTorch; not run by the tests."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import ViTConfig, ViTForImageClassification
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

FOLDER = Path(__file__).parent / "vit_checkpoint"
config = ViTConfig(
    image_size=32,
    patch_size=8,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64,
    layer_norm_eps=1e-3,
    hidden_dropout_prob=0.1,
    id2label={0: "Chihuahua", 1: "pug", 2: "tabby"},
    label2id={"Chihuahua": 0, "pug": 1, "tabby": 2},
)
torch.manual_seed(0)
model = ViTForImageClassification(config).eval()
with torch.no_grad():
    # The usual first weights are small, with biases of 0: a mix-up would hardly show.
    for name, value in model.named_parameters():
        around = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        value.copy_(around + 0.25 * torch.randn_like(value))
model.save_pretrained(FOLDER)
processor = ViTImageProcessorPil(
    size={"height": 32, "width": 32},
    resample=Image.Resampling.LANCZOS,
    image_mean=[0.48, 0.46, 0.41],
    image_std=[0.23, 0.22, 0.24],
)
processor.save_pretrained(FOLDER)
rng = np.random.default_rng(0)
small = rng.integers(0, 256, (3, 12, 9, 3), dtype=np.uint8)
pictures = [
    Image.fromarray(p).resize((70, 100), Image.Resampling.BICUBIC) for p in small
]
logits = {}
for size in (32, 48, 16):
    pixels = processor(
        pictures, size={"height": size, "width": size}, return_tensors="pt"
    )
    with torch.no_grad():
        answer = model(**pixels, interpolate_pos_encoding=size != 32)
    logits[str(size)] = [[round(v, 6) for v in row] for row in answer.logits.tolist()]
(FOLDER / "expected.json").write_text(json.dumps({"logits": logits}, indent=1) + "\n")
