/* SPDX-License-Identifier: MIT */
#include "g2s/image/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool g2s_bytes_has(struct g2s_bytes bytes, uint64_t offset, uint64_t size)
{
	return offset <= bytes.size && size <= bytes.size - offset;
}

bool g2s_bytes_slice(struct g2s_bytes bytes, uint64_t offset, uint64_t size,
                     struct g2s_bytes *out)
{
	if (!g2s_bytes_has(bytes, offset, size)) {
		return false;
	}
	out->data = bytes.size == 0 ? bytes.data : bytes.data + offset;
	out->size = (size_t)size;
	return true;
}

bool g2s_bytes_uint(struct g2s_bytes bytes, uint64_t offset, unsigned width, uint64_t *out)
{
	if (!g2s_bytes_has(bytes, offset, width) || width > 8) {
		return false;
	}
	uint64_t value = 0;
	for (unsigned i = 0; i < width; i++) {
		value |= (uint64_t)bytes.data[offset + i] << (8 * i);
	}
	*out = value;
	return true;
}

bool g2s_bytes_string(struct g2s_bytes bytes, uint64_t offset, size_t limit,
                      struct g2s_bytes *out)
{
	if (offset >= bytes.size) {
		return false;
	}
	size_t room = bytes.size - (size_t)offset;
	if (room > limit) {
		room = limit;
	}
	const uint8_t *start = bytes.data + offset;
	const uint8_t *end = memchr(start, 0, room);
	if (end == NULL) {
		return false;
	}
	out->data = start;
	out->size = (size_t)(end - start);
	return true;
}

size_t g2s_bytes_find(struct g2s_bytes bytes, size_t from, const void *needle, size_t size)
{
	const uint8_t *wanted = needle;
	while (size != 0 && from < bytes.size && size <= bytes.size - from) {
		size_t starts = bytes.size - from - size + 1;
		const uint8_t *hit = memchr(bytes.data + from, wanted[0], starts);
		if (hit == NULL) {
			break;
		}
		if (memcmp(hit, wanted, size) == 0) {
			return (size_t)(hit - bytes.data);
		}
		from = (size_t)(hit - bytes.data) + 1;
	}
	return SIZE_MAX;
}

enum g2s_code g2s_file_open(struct g2s_file *file, const char *path, struct g2s_error *err)
{
	enum g2s_code code = G2S_OK;
	*file = (struct g2s_file){0};
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		return g2s_fail(err, G2S_ERR_READ, 0, "cannot open: %s", strerror(errno));
	}
	struct stat st;
	if (fstat(fd, &st) != 0) {
		code = g2s_fail(err, G2S_ERR_READ, 0, "cannot read: %s", strerror(errno));
		goto done;
	}
	if (S_ISDIR(st.st_mode)) {
		code = g2s_fail(err, G2S_ERR_READ, 0, "is a directory");
		goto done;
	}
	if (!S_ISREG(st.st_mode)) {
		code = g2s_fail(err, G2S_ERR_READ, 0, "is not a regular file");
		goto done;
	}
	if (st.st_size == 0) {
		goto done;
	}
	void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED) {
		code = g2s_fail(err, G2S_ERR_READ, 0, "cannot map: %s", strerror(errno));
		goto done;
	}
	file->bytes = (struct g2s_bytes){.data = data, .size = (size_t)st.st_size};
done:
	close(fd);
	return code;
}

void g2s_file_close(struct g2s_file *file)
{
	if (file->bytes.data != NULL) {
		munmap((void *)(uintptr_t)file->bytes.data, file->bytes.size);
	}
	*file = (struct g2s_file){0};
}
