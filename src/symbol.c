/* SPDX-License-Identifier: MIT */
/*
 * Names for addresses in the code. The symbols that the loader knows are the exported ones alone;
 * a program's own functions are mostly static, so its file is asked: .symtab, else .dynsym.
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "debug.h"
#include "eddy/debug.h"

/* A file of 64-bit ELF, mapped. */
struct image {
    const char *bytes;
    size_t size;
};

/* NULL where the file has no so many bytes. */
static const void *image_at(const struct image *image, uint64_t offset, uint64_t size)
{
    return offset <= image->size && size <= image->size - offset ? image->bytes + offset : NULL;
}

static bool image_open(const char *path, struct image *image)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (descriptor < 0)
        return false;
    void *memory = MAP_FAILED;
    if (fstat(descriptor, &status) == 0 && status.st_size > (off_t)sizeof(Elf64_Ehdr))
        memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    (void)close(descriptor);
    if (memory == MAP_FAILED)
        return false;
    *image = (struct image){memory, (size_t)status.st_size};
    if (memcmp(memory, ELFMAG, SELFMAG) == 0 && image->bytes[EI_CLASS] == ELFCLASS64)
        return true;
    (void)munmap(memory, image->size);
    return false;
}

static const Elf64_Shdr *image_section(const struct image *image, uint32_t type)
{
    const Elf64_Ehdr *header = (const void *)image->bytes;
    const Elf64_Shdr *sections = image_at(image, header->e_shoff,
                                          (uint64_t)header->e_shnum * sizeof *sections);
    for (uint32_t i = 0; sections && i < header->e_shnum; i++)
        if (sections[i].sh_type == type && sections[i].sh_link < header->e_shnum)
            return &sections[i];
    return NULL;
}

/* The function that covers the address (as the file counts), or NULL. */
static const char *image_function(const struct image *image, uint64_t address, uint64_t *start)
{
    const Elf64_Shdr *table = image_section(image, SHT_SYMTAB);
    if (!table)
        table = image_section(image, SHT_DYNSYM);
    if (!table)
        return NULL;
    const Elf64_Ehdr *header = (const void *)image->bytes;
    const Elf64_Shdr *names = (const Elf64_Shdr *)(const void *)(image->bytes + header->e_shoff) +
                              table->sh_link;
    const Elf64_Sym *symbols = image_at(image, table->sh_offset, table->sh_size);
    const char *text = image_at(image, names->sh_offset, names->sh_size);
    if (!symbols || !text || !names->sh_size || text[names->sh_size - 1])
        return NULL;
    for (size_t i = 0; i < table->sh_size / sizeof *symbols; i++) {
        const Elf64_Sym *symbol = &symbols[i];
        if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || address < symbol->st_value ||
            address - symbol->st_value >= symbol->st_size || symbol->st_name >= names->sh_size)
            continue;
        *start = symbol->st_value;
        return text + symbol->st_name;
    }
    return NULL;
}

static bool is_main_program(const Elf64_Ehdr *header)
{
    return (uintptr_t)header + header->e_phoff == getauxval(AT_PHDR);
}

/* Names the function that covers `before` bytes before the address. */
static int describe(const void *address, unsigned before, char *buffer, size_t size)
{
    Dl_info module;
    if (!buffer)
        size = 0;
    if (!dladdr(address, &module) || !module.dli_fname)
        return snprintf(buffer, size, "%p", address);
    const Elf64_Ehdr *header = module.dli_fbase;
    const char *slash = strrchr(module.dli_fname, '/');
    const char *file = slash ? slash + 1 : module.dli_fname;
    uint64_t offset = (uintptr_t)address - (uintptr_t)header;
    uint64_t in_file = header->e_type == ET_EXEC ? (uintptr_t)address : offset;
    struct image image;
    if (!image_open(is_main_program(header) ? "/proc/self/exe" : module.dli_fname, &image))
        return snprintf(buffer, size, "%p (%s+0x%llx)", address, file, (unsigned long long)offset);
    uint64_t start = 0;
    const char *name = image_function(&image, in_file - before, &start);
    int length = name ? snprintf(buffer, size, "%s+0x%llx (%s+0x%llx)", name,
                                 (unsigned long long)(in_file - start), file,
                                 (unsigned long long)offset)
                      : snprintf(buffer, size, "%p (%s+0x%llx)", address, file,
                                 (unsigned long long)offset);
    (void)munmap((void *)image.bytes, image.size);
    return length;
}

int eddy_describe_address(const void *address, char *buffer, size_t size)
{
    /* A return address may lie behind the last instruction of the function that called. */
    return describe(address, 1, buffer, size);
}

int debug_describe_function(void (*function)(void *), char *buffer, size_t size)
{
    return describe(__extension__(const void *)(function), 0, buffer, size);
}
