// What scrolls can be reached and scrolled with the keyboard; what has all its content in sight is no stop on the way.
// For lists of which nothing inside takes the focus: `<ol {@attach scrolls}>`.

/** Makes an element a stop of the tabulator exactly while its content is larger than itself. */
export function scrolls(node: HTMLElement): () => void {
  const look = () => {
    if (node.scrollHeight > node.clientHeight || node.scrollWidth > node.clientWidth) node.tabIndex = 0;
    else node.removeAttribute('tabindex');
  };
  const sizes = new ResizeObserver(look);
  const contents = new MutationObserver(look);
  sizes.observe(node);
  contents.observe(node, { childList: true, characterData: true, subtree: true });
  return () => {
    sizes.disconnect();
    contents.disconnect();
  };
}
