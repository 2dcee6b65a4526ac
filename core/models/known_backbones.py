"""What is known of each backbone without building it; nothing here imports Keras."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class KnownBackbone:
    """Facts of a backbone.

    Parameters
    ----------
    name : str
        Its name in a study's file.
    label, source : str
        What a reader sees, and the paper.
    imagenet_file : str
        Path of its ImageNet weights under Keras's own file store; empty if none.
    is_imagenet_shipped : bool
        Whether its ImageNet weights come with the project.
    from_checkpoint : bool
        Whether it can begin as a Hugging Face checkpoint.
    smallest : int
        Least side of the images in pixels.
    """

    name: str
    label: str
    source: str
    imagenet_file: str = field(default="", kw_only=True)
    is_imagenet_shipped: bool = field(default=False, kw_only=True)
    from_checkpoint: bool = field(default=False, kw_only=True)
    smallest: int = field(default=32, kw_only=True)

    @property
    def has_imagenet(self) -> bool:
        """Whether it can begin with ImageNet weights."""
        return self.is_imagenet_shipped or bool(self.imagenet_file)

    @property
    def weights(self) -> str:
        """Which weights it can begin with, in words."""
        known = ['"none"']
        known += ['"imagenet"'] if self.has_imagenet else []
        known += ["hf:<owner>/<name> or a folder"] if self.from_checkpoint else []
        return f"{', '.join(known)} or run:<study>/<method>"


_MOBILENETV3 = "Howard et al., Searching for MobileNetV3, ICCV 2019"
_RESNET = "He et al., Deep Residual Learning for Image Recognition, CVPR 2016"
_V3_FILES = "tensorflow/keras-applications/mobilenet_v3/weights_mobilenet_v3"


def _v3(size: str, *, minimalistic: bool) -> KnownBackbone:
    kind = "_minimalistic" if minimalistic else ""
    return KnownBackbone(
        f"mobilenetv3_{size}{kind}",
        f"MobileNetV3 {size.title()}{', minimalistic' if minimalistic else ''}",
        _MOBILENETV3,
        imagenet_file=f"{_V3_FILES}_{size}{kind}_1.0_224_no_top_v2.h5",
    )


KNOWN_BACKBONES = {
    backbone.name: backbone
    for backbone in (
        KnownBackbone(
            "cnn",
            "CNN",
            "LeCun et al., Gradient-Based Learning Applied to Document Recognition, "
            "Proceedings of the IEEE 86, 1998",
            smallest=16,
        ),
        KnownBackbone(
            "mobilenetv2",
            "MobileNetV2",
            "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, "
            "CVPR 2018",
            imagenet_file="tensorflow/keras-applications/mobilenet_v2/"
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        ),
        _v3("small", minimalistic=False),
        _v3("small", minimalistic=True),
        _v3("large", minimalistic=False),
        _v3("large", minimalistic=True),
        KnownBackbone("resnet32", "ResNet-32 for CIFAR", _RESNET, smallest=16),
        KnownBackbone(
            "resnet50",
            "ResNet-50",
            _RESNET,
            imagenet_file="tensorflow/keras-applications/resnet/"
            "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        ),
        KnownBackbone(
            "efficientnet_b3",
            "EfficientNetB3",
            "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional "
            "Neural Networks, ICML 2019",
            imagenet_file="keras-applications/efficientnetb3_notop.h5",
        ),
        KnownBackbone(
            "efficientnet_lite0",
            "EfficientNet-Lite0",
            "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional "
            "Neural Networks, ICML 2019; Google's EfficientNet-Lite, 2020",
            is_imagenet_shipped=True,
        ),
        KnownBackbone(
            "vit",
            "ViT",
            "Dosovitskiy et al., An Image is Worth 16x16 Words: Transformers for Image "
            "Recognition at Scale, ICLR 2021",
            from_checkpoint=True,
            smallest=16,
        ),
    )
}


def backbone_label(name: str) -> str:
    """What a reader sees for a backbone; its name where it is none of these."""
    return KNOWN_BACKBONES[name].label if name in KNOWN_BACKBONES else name
