cdef enum:
    MAX_NDIM = 32

cdef void copy_strided(
    char* dst, const Py_ssize_t* dst_strides,
    const char* src, const Py_ssize_t* src_strides,
    const Py_ssize_t* shape, int ndim, Py_ssize_t itemsize,
) noexcept nogil

cdef void fill_strided(
    char* dst, const Py_ssize_t* dst_strides,
    const Py_ssize_t* shape, int ndim,
    const char* item, Py_ssize_t itemsize,
) noexcept nogil

cdef void copy_listed(
    char* dst, const Py_ssize_t* dst_strides, const Py_ssize_t* const* dst_lists,
    const char* src, const Py_ssize_t* src_strides, const Py_ssize_t* const* src_lists,
    const Py_ssize_t* shape, int ndim, Py_ssize_t itemsize,
) noexcept nogil

cdef void fill_listed(
    char* dst, const Py_ssize_t* dst_strides, const Py_ssize_t* const* dst_lists,
    const Py_ssize_t* shape, int ndim,
    const char* item, Py_ssize_t itemsize,
) noexcept nogil

cdef bint is_filled_with(
    const char* src, Py_ssize_t nbytes, const char* item, Py_ssize_t itemsize
) noexcept nogil

cdef bint is_contiguous(
    const Py_ssize_t* strides, const Py_ssize_t* shape, int ndim, Py_ssize_t itemsize
) noexcept nogil


cdef inline Py_ssize_t ceil_divide(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    """a / b rounded up, for a >= 0 and b > 0. (Compiled // truncates: -(-a // b) would be floor.)
    """
    return a // b + (a % b != 0)


cdef inline Py_ssize_t place_of(const Py_ssize_t* places, Py_ssize_t i) noexcept nogil:
    """Where the i-th item lies along an axis, in strides; a list of NULL is 0, 1, ..."""
    return i if places == NULL else places[i]
