"""The rules by which the gates of SE blocks are found in any ONNX file, as pure functions over plain values.

``senet_lib.export.reveal_gates`` reads and writes the file and calls these. The book's page has the same rules in
JavaScript, so they are written down here, one by one. They need no names of modules, and no weights but a few scalars.

**What is given.** ``nodes``: in the file's order, each with ``op``, ``name``, ``inputs``, ``outputs``, ``attributes``.
``numbers``: from the name of each initializer, and of each output of a ``Constant`` node, to its array. ``inputs``: the
names of the graph's inputs that have no initializer. ``shapes``: from names to tuples, None for a size that is not
known; a name that is missing is a shape that is not known. (Here they come from ONNX's shape inference. A page takes
those in the file, and asks for the others with one run on zeros.)

**Rule 1, labels.** Each value is *static* (does not depend on the picture), a *map* (has places), or *squeezed* (numbers
of each picture without places). Go through the nodes in their order:

1. ``numbers`` are static. Inputs are maps; those known to have fewer than three axes are static.
2. ``Shape``, ``Size``, ``ConstantOfShape``, ``EyeLike`` and ``Random...`` give static values, and so does each node
   whose inputs are all static. (An empty name is no input.)
3. A squeeze (rule 2) whose first input is a map gives a squeezed value.
4. ``Resize``, ``Upsample``, ``ConvTranspose``, ``DepthToSpace``, ``GridSample``, and nodes with graphs inside (``If``,
   ``Loop``, ``Scan``) give maps.
5. Any other node with a map among its inputs gives maps; otherwise it gives squeezed values.

**Rule 2, squeezes.** These operators, where P is what follows batch and channels in the input, of R axes:

- ``GlobalAveragePool`` (mean), ``GlobalMaxPool`` (max), ``GlobalLpPool`` (norm);
- ``ReduceMean`` (mean), ``ReduceMax`` (max), ``ReduceSum`` (sum), ``ReduceL2`` (norm), whose axes, besides 0, are all
  of 2 to R - 1, or, if R is 4, are 1 and 2 (channels last). Axes are the attribute ``axes`` or the second input;
  negative ones count from the end. If R is not known, {2, 3}, {-2, -1} and {1, 2} will do. None given: no squeeze;
- ``AveragePool`` (mean), ``MaxPool`` (max), ``LpPool`` (norm), if the output's P are known to be all 1, or
  ``kernel_shape`` is the input's P.

**Rule 3, gatings.** Each ``Mul`` of one map and one squeezed value scales the map. Its *gate* is the squeezed value,
taken back through ``Expand``, ``Identity`` and ``Dropout``. The *excitation* is all nodes from the gate back to the
squeezes, through inputs that are not static. Multiplications by one gate are one block. It is found if:

- there is a layer in the excitation: ``Conv``, ``Gemm`` or ``MatMul`` with exactly one input of its first two that is
  not static. (Without a layer it is a normalisation; of this nothing is said, unless the excitation has ``numbers`` of
  more than one entry in a floating-point type);
- the gate has as many axes as the map, or is an earlier form of a value that has: the gate's first axis is the
  batch's. (If it has fewer axes than the map and was not taken back, all pictures share the gates: not followed);
- of the gate's other axes exactly one is not 1: that is C.

What fails is listed with the reason; so is each ``Mul`` of two maps where the shape of one is known to be 1 in each
place, and the other's is not: its gates come from something that is no squeeze of rule 2. So are nodes with graphs
inside, nodes of ``QLinear...`` (int8 without floating-point values between), and nodes that are functions of the file.

**Rule 4, what a block is.**

- *C*: the one axis; if its size is not known, the width of the last layer; if that is a convolution along the
  channels, the channels of the map.
- *layers*: in order, those with the same weights once. *Width* of a layer: first size of a ``Conv``'s weights; last of
  a ``MatMul``'s (first but one if the weights are the first input); of a ``Gemm``'s the first with ``transB``, else the
  last. Weights may stand behind ``Transpose``, ``Identity``, ``Cast``, ``Unsqueeze``, ``Squeeze``, ``Reshape``,
  ``DequantizeLinear`` and ``QuantizeLinear``.
- *kind*: "1-d convolution" if all are ``Conv`` with a kernel that has a size above 1; "1x1 convolution" if all are
  other ``Conv``; "linear" if all are ``Gemm`` or ``MatMul``; else "mixed".
- *hidden*: the width of the first of exactly two layers, if their kind is not "1-d convolution". *r* is C / hidden.
- *biases*: for each layer, whether it has a third input, or its output goes only into an ``Add`` of static numbers with
  more than one entry, or into a ``BatchNormalization``.
- *squeeze*: the words in brackets of rule 2 for the excitation's squeezes, each once, joined by " and ".
- *same*: whether each squeeze reads the map that is scaled, both taken back through ``Identity``, ``Cast``, ``Reshape``,
  ``Flatten``, ``QuantizeLinear``, ``DequantizeLinear``.
- *gate*: rule 5.
- *parameters*: entries of all ``numbers`` that the excitation uses, directly or through static nodes, and that are
  of a type other than int64 and bool and have more than one entry. The *share* is that of all such numbers of the file.
- *name*: the longest common beginning of the names of the layers' weights, in parts that end at dots, without the
  last part of each (for a single layer: without the last two, if one remains), among names with a dot and without
  "::"; else the last name that the lists ``pkg.torch.onnx.name_scopes`` of the excitation's nodes have in common
  (they are texts such as ``['', 'layer1', 'layer1.0']``); else the common beginning of the nodes' names, in parts that
  end at slashes; else "block 1", by its number. A name that is taken gets " (2)", " (3)".

**Rule 5, the gate's function.** Put t = -8, -7.5, ..., 8 in place of one value and compute the curve that comes out. From the
gate backwards: a node of ``CURVES`` whose inputs are each static with one entry, or made of t, is computed. So are
shape operators (``SHAPES``), which change nothing. Every other node's output is t; and if two different values would be
t, the output of the node that brings them together is. A ``Softmax`` on the way, before any layer, makes it "softmax".
The curve has the name in ``GATE_FUNCTIONS`` from which it is nowhere further than 0.001 (0.02 for float16); else it is
"other, LOW to HIGH".

**Rule 6, the new file.** For each block, right behind the node that makes the gate g, of type T::

    override/<name>   a new input, float32 (rows, C). NaN keeps the network's own gate.
    given = Reshape(override/<name>, [-1, then the gate's axes, of which one is C])
    used  = Where(IsNaN(given), g, Cast(given to T))
    gates/<name>      a new output, float32 (pictures, C): Reshape(Cast(g to float32), [-1, C])

All nodes that took g take ``used`` now; nothing else changes, and if g is an output itself, it stays. Each new input
has an initializer, NaN (1, C), so that it may be left out. (ONNX Runtime Web cannot feed such inputs: a page leaves the
initializers away, and feeds NaN.)
"""
