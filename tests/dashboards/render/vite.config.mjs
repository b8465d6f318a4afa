export default { base: './', build: { outDir: 'dist', emptyOutDir: true, chunkSizeWarningLimit: 20000 } };
