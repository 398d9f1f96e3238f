/* The module seqsave_native._kernel: checks arguments, releases the interpreter's lock, calls the functions in C. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "encode.h"
#include "inflate.h"
#include "processor.h"
#include "unfilter.h"

/* Changes with every change of a function's arguments or results. seqsave uses no version that it does not know. */
#define API 6

/* --- a compressed picture ------------------------------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    uint8_t *data;
    Py_ssize_t size;
} Stream;

static PyTypeObject *stream_type;

static void stream_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    free(((Stream *)self)->data);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF((PyObject *)type);
}

static int stream_buffer(PyObject *self, Py_buffer *view, int flags)
{
    return PyBuffer_FillInfo(view, self, ((Stream *)self)->data, ((Stream *)self)->size, 1, flags);
}

static Py_ssize_t stream_length(PyObject *self)
{
    return ((Stream *)self)->size;
}

static PyObject *stream_between(PyObject *self, PyObject *args)
{
    PyObject *head, *tail;
    if (!PyArg_ParseTuple(args, "SS:between", &head, &tail))
        return NULL;
    Py_ssize_t before = PyBytes_Size(head), inner = ((Stream *)self)->size, after = PyBytes_Size(tail);
    if (before > PY_SSIZE_T_MAX - inner || before + inner > PY_SSIZE_T_MAX - after)
        return PyErr_NoMemory();
    PyObject *whole = PyBytes_FromStringAndSize(NULL, before + inner + after);
    if (whole == NULL)
        return NULL;
    char *to = PyBytes_AsString(whole);
    const char *first = PyBytes_AsString(head), *last = PyBytes_AsString(tail);
    Py_BEGIN_ALLOW_THREADS
    memcpy(to, first, (size_t)before);
    memcpy(to + before, ((Stream *)self)->data, (size_t)inner);
    memcpy(to + before + inner, last, (size_t)after);
    Py_END_ALLOW_THREADS
    return whole;
}

static PyMethodDef stream_methods[] = {
    {"between", stream_between, METH_VARARGS, "between(head, tail): return the bytes of head, the stream and tail."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot stream_slots[] = {
    {Py_tp_dealloc, stream_free},
    {Py_tp_methods, stream_methods},
    {Py_tp_doc, "A zlib stream, or filtered rows; a buffer of bytes that cannot be changed."},
    {Py_bf_getbuffer, stream_buffer},
    {Py_sq_length, stream_length},
    {0, NULL},
};

static PyType_Spec stream_spec = {
    .name = "seqsave_native._kernel.Stream",
    .basicsize = sizeof(Stream),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = stream_slots,
};

/* --- encoding ------------------------------------------------------------------------------------------------------ */

/* Return 0 if the numbers describe a picture of exactly `size` bytes that is not too large for the functions in C. */
static int describe(seqsave_picture *picture, Py_ssize_t size, Py_ssize_t height, Py_ssize_t length, Py_ssize_t step,
                    int wide)
{
    const Py_ssize_t most = 1 << 30;
    if (height < 1 || length < 1 || height > most || length > most || height > most / (length + 1)) {
        PyErr_Format(PyExc_ValueError, "%zd rows of %zd bytes: 1 byte to 2^30 with the numbers of filters are allowed",
                     height, length);
        return -1;
    }
    int is_step = wide ? step == 2 || step == 4 || step == 6 || step == 8 : step >= 1 && step <= 4;
    if (!is_step || length % step) {
        PyErr_Format(PyExc_ValueError, "rows of %zd bytes are not made of pixels of %zd bytes", length, step);
        return -1;
    }
    if (size != height * length) {
        PyErr_Format(PyExc_ValueError, "%zd bytes are not %zd rows of %zd bytes", size, height, length);
        return -1;
    }
    picture->height = (size_t)height;
    picture->length = (size_t)length;
    picture->step = (size_t)step;
    picture->wide = wide;
    return 0;
}

/* Return 0 if the row filter is one that the functions in C know. */
static int check_filter(int row_filter, int most)
{
    if (row_filter >= 0 && row_filter <= most)
        return 0;
    PyErr_Format(PyExc_ValueError, "row filter %d: 0 to %d are allowed", row_filter, most);
    return -1;
}

static PyObject *as_stream(seqsave_stream *stream)
{
    Stream *made = (Stream *)PyType_GenericAlloc(stream_type, 0);
    if (made == NULL) {
        free(stream->data);
        return NULL;
    }
    made->data = stream->data;
    made->size = (Py_ssize_t)stream->size;
    return (PyObject *)made;
}

/* Return 0 if grey pixels may be looked for. */
static int check_colours(const seqsave_picture *picture)
{
    if (picture->step == (picture->wide ? 6 : 3))
        return 0;
    PyErr_Format(PyExc_ValueError, "pixels of %zu bytes are not those of RGB, which may be grey", picture->step);
    return -1;
}

/* more: the bytes of a sample, or whether pixels may be grey. */
static PyObject *make_stream(PyObject *args, const char *format, int is_sample)
{
    Py_buffer view;
    Py_ssize_t height, length, step, more, band = 0;
    int wide, row_filter, failed;
    if (!PyArg_ParseTuple(args, format, &view, &height, &length, &step, &wide, &row_filter, &more, &band))
        return NULL;
    seqsave_picture picture = {.pixels = view.buf};
    seqsave_stream stream = {NULL, 0};
    if (describe(&picture, view.len, height, length, step, wide) || check_filter(row_filter, is_sample ? SEQSAVE_FEWER : SEQSAVE_ADAPTIVE) ||
        (!is_sample && more && check_colours(&picture))) {
        PyBuffer_Release(&view);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    failed = is_sample ? seqsave_sample(&picture, more > 0 ? (size_t)more : 0, band > 0 ? (size_t)band : 0,
                                        row_filter, &stream)
                       : seqsave_encode(&picture, row_filter, more != 0, &stream);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&view);
    return failed ? PyErr_NoMemory() : as_stream(&stream);
}

static PyObject *deflate(PyObject *module, PyObject *args)
{
    (void)module;
    return make_stream(args, "y*nnnpin:deflate", 0);
}

static PyObject *sample(PyObject *module, PyObject *args)
{
    (void)module;
    return make_stream(args, "y*nnnpinn:sample", 1);
}

static PyObject *filter_rows(PyObject *module, PyObject *args)
{
    (void)module;
    Py_buffer view, out;
    Py_ssize_t length, step, top, bottom;
    int row_filter, failed = -1;
    if (!PyArg_ParseTuple(args, "y*w*nnnni:filter_rows", &view, &out, &length, &step, &top, &bottom, &row_filter))
        return NULL;
    const char *from = view.buf, *to = out.buf;
    if (check_filter(row_filter, SEQSAVE_FEWER))
        ; /* the error is set */
    else if (length < 1 || length == PY_SSIZE_T_MAX || step < 1 || step > 8 || length % step || view.len % length)
        PyErr_Format(PyExc_ValueError, "%zd bytes are not rows of %zd bytes made of pixels of %zd bytes", view.len,
                     length, step);
    else if (top < 0 || top > bottom || bottom > view.len / length || out.len % (length + 1) ||
             out.len / (length + 1) != bottom - top)
        PyErr_Format(PyExc_ValueError, "%zd bytes for the result are not those of rows %zd to %zd of %zd", out.len, top,
                     bottom, view.len / length);
    else if (from < to + out.len && to < from + view.len)
        PyErr_SetString(PyExc_ValueError, "the result cannot be in the memory of the rows");
    else {
        seqsave_picture picture = {view.buf, (size_t)(view.len / length), (size_t)length, (size_t)step, 0};
        Py_BEGIN_ALLOW_THREADS
        failed = seqsave_filter(&picture, (size_t)top, (size_t)bottom, row_filter, out.buf);
        Py_END_ALLOW_THREADS
        if (failed)
            PyErr_NoMemory();
    }
    PyBuffer_Release(&view);
    PyBuffer_Release(&out);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *survey(PyObject *module, PyObject *args)
{
    (void)module;
    Py_buffer view;
    Py_ssize_t height, length, step, bytes;
    unsigned kinds;
    int wide, failed;
    if (!PyArg_ParseTuple(args, "y*nnnpnI:survey", &view, &height, &length, &step, &wide, &bytes, &kinds))
        return NULL;
    seqsave_picture picture = {.pixels = view.buf};
    double ratios[SEQSAVE_KINDS];
    if (describe(&picture, view.len, height, length, step, wide)) {
        PyBuffer_Release(&view);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    failed = seqsave_survey(&picture, bytes > 0 ? (size_t)bytes : 0, kinds, ratios);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&view);
    return failed ? PyErr_NoMemory()
                  : Py_BuildValue("(dddddd)", ratios[SEQSAVE_NONE], ratios[SEQSAVE_SUB], ratios[SEQSAVE_UP],
                                  ratios[SEQSAVE_AVERAGE], ratios[SEQSAVE_PAETH], ratios[SEQSAVE_ADAPTIVE]);
}

static PyObject *survey_grey(PyObject *module, PyObject *args)
{
    (void)module;
    Py_buffer view;
    Py_ssize_t height, length, step, bytes;
    int wide, row_filter, failed;
    if (!PyArg_ParseTuple(args, "y*nnnpin:survey_grey", &view, &height, &length, &step, &wide, &row_filter, &bytes))
        return NULL;
    seqsave_picture picture = {.pixels = view.buf};
    double ratio;
    if (describe(&picture, view.len, height, length, step, wide) || check_filter(row_filter, SEQSAVE_ADAPTIVE) ||
        check_colours(&picture)) {
        PyBuffer_Release(&view);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    failed = seqsave_survey_grey(&picture, bytes > 0 ? (size_t)bytes : 0, row_filter, &ratio);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&view);
    return failed ? PyErr_NoMemory() : PyFloat_FromDouble(ratio);
}

/* --- decoding ------------------------------------------------------------------------------------------------------ */

/* Return 0 if the buffers hold so many rows, with and without the numbers of their filters. */
static int describe_rows(const Py_buffer *filtered, const Py_buffer *out, Py_ssize_t height, Py_ssize_t length,
                         Py_ssize_t step, int wide)
{
    int is_step = step == 6 || step == 8 ? wide : step >= 1 && step <= 4 && !(wide && step % 2);
    if (!is_step || length < 1 || length % step) {
        PyErr_Format(PyExc_ValueError, "rows of %zd bytes are not made of pixels of %zd bytes", length, step);
        return -1;
    }
    if (height < 1 || length == PY_SSIZE_T_MAX || height > PY_SSIZE_T_MAX / (length + 1) ||
        filtered->len != height * (length + 1) || out->len != height * length) {
        PyErr_Format(PyExc_ValueError, "%zd filtered bytes and %zd bytes for the result are not %zd rows of %zd bytes",
                     filtered->len, out->len, height, length);
        return -1;
    }
    const char *from = filtered->buf, *to = out->buf;
    if (from != to && from < to + out->len && to < from + filtered->len) {
        PyErr_SetString(PyExc_ValueError, "the result cannot begin within the memory of the filtered rows");
        return -1;
    }
    return 0;
}

static PyObject *undo(PyObject *module, PyObject *args)
{
    (void)module;
    Py_buffer filtered, out;
    Py_ssize_t height, length, step;
    int wide, failed = -1, bad = 0;
    if (!PyArg_ParseTuple(args, "y*w*nnnp:undo", &filtered, &out, &height, &length, &step, &wide))
        return NULL;
    if (describe_rows(&filtered, &out, height, length, step, wide) == 0) {
        Py_BEGIN_ALLOW_THREADS
        failed = seqsave_unfilter(filtered.buf, out.buf, (size_t)height, (size_t)length, (size_t)step, wide, &bad);
        Py_END_ALLOW_THREADS
        if (failed < 0)
            PyErr_NoMemory();
        else if (failed)
            PyErr_Format(PyExc_ValueError, "row filter %d does not exist", bad);
    }
    PyBuffer_Release(&filtered);
    PyBuffer_Release(&out);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *inflate(PyObject *module, PyObject *args)
{
    (void)module;
    Py_buffer view, out;
    int always = 0, failed;
    if (!PyArg_ParseTuple(args, "y*w*|p:inflate", &view, &out, &always))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    failed = seqsave_inflate(view.buf, (size_t)view.len, out.buf, (size_t)out.len, always);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&view);
    PyBuffer_Release(&out);
    return PyBool_FromLong(!failed);
}

/* --- the processor ------------------------------------------------------------------------------------------------- */

static PyObject *level(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyUnicode_FromString(seqsave_level_name(seqsave_level()));
}

static PyObject *levels(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    PyObject *names = PyList_New(0);
    for (int one = 0; names != NULL && one <= (int)seqsave_best_level(); one++) {
        PyObject *name = PyUnicode_FromString(seqsave_level_name((enum seqsave_level)one));
        if (name == NULL || PyList_Append(names, name))
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

static PyObject *set_level(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *wanted;
    if (!PyArg_ParseTuple(args, "U:set_level", &wanted))
        return NULL;
    for (int one = 0; one <= (int)seqsave_best_level(); one++)
        if (PyUnicode_CompareWithASCIIString(wanted, seqsave_level_name((enum seqsave_level)one)) == 0) {
            seqsave_set_level((enum seqsave_level)one);
            Py_RETURN_NONE;
        }
    PyErr_Format(PyExc_ValueError, "this processor has no level %R", wanted);
    return NULL;
}

/* --- the module ---------------------------------------------------------------------------------------------------- */

static PyMethodDef methods[] = {
    {"deflate", deflate, METH_VARARGS,
     "deflate(pixels, height, length, step, wide, row_filter, grey): filter rows and compress them to a Stream.\n\n"
     "length: bytes of a row. step: bytes of a pixel. wide: samples of 16 bits in this processor's byte order.\n"
     "row_filter: 0 to 4, or 5 for the one of each row with the smallest sum of absolute values.\n"
     "grey: look for pixels whose filtered red, green and blue are equal, after this filter or Up.\n"
     "Raises ValueError for sizes that do not fit."},
    {"filter_rows", filter_rows, METH_VARARGS,
     "filter_rows(rows, out, length, step, top, bottom, row_filter): filter rows top to bottom of a picture in the byte\n"
     "order of the file; out gets them, each after the number of its filter. row_filter: as above, or 6 for all but Average.\n"
     "Raises ValueError for sizes that do not fit."},
    {"sample", sample, METH_VARARGS,
     "sample(pixels, height, length, step, wide, row_filter, size, band): return filtered bands of rows, of about so many\n"
     "bytes, each of three rows or about band bytes, as a Stream that is not compressed."},
    {"survey", survey, METH_VARARGS,
     "survey(pixels, height, length, step, wide, size, kinds): return the size that deflate would compress such bands\n"
     "to, relative to theirs, for each of the six row filters; 1 for those whose bit is not in kinds."},
    {"survey_grey", survey_grey, METH_VARARGS,
     "survey_grey(pixels, height, length, step, wide, row_filter, size): return the same for deflate with grey; 1 if few\n"
     "pixels are grey."},
    {"inflate", inflate, METH_VARARGS,
     "inflate(stream, out, always=False): unpack a zlib stream of exactly as many bytes as out has; return whether.\n\n"
     "False for a stream that is not whole and sound or has another size, if there is not enough memory, and, without\n"
     "always, for one that other decoders unpack as fast: one with many matches or small blocks, or small itself. out may\n"
     "have any bytes then."},
    {"undo", undo, METH_VARARGS,
     "undo(filtered, out, height, length, step, wide): undo the filters of rows, each a number of a filter and length\n"
     "bytes; out gets the rows, and may begin where filtered does. wide: samples of 16 bits become those of this processor's byte order.\n"
     "Raises ValueError for sizes that do not fit, and for a filter that does not exist."},
    {"level", level, METH_NOARGS, "Return the name of the instructions in use."},
    {"levels", levels, METH_NOARGS, "Return the names of the instructions that this processor has; the best is last."},
    {"set_level", set_level, METH_VARARGS, "Use other instructions, in this process; for tests. The bytes are the same."},
    {NULL, NULL, 0, NULL},
};

static int set_up(PyObject *module)
{
    if (stream_type == NULL)
        stream_type = (PyTypeObject *)PyType_FromSpec(&stream_spec);
    if (stream_type == NULL || PyModule_AddIntConstant(module, "API", API))
        return -1;
    Py_INCREF((PyObject *)stream_type);
    if (PyModule_AddObject(module, "Stream", (PyObject *)stream_type)) {
        Py_DECREF((PyObject *)stream_type);
        return -1;
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, set_up},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "seqsave_native._kernel",
    .m_doc = "The parts of PNG that take long, in C.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
